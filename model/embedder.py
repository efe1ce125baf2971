"""Face chips to embeddings."""

import numpy as np
from numpy.typing import NDArray

from model.embedders import Network
from model.embeddings import Embeddings
from model.sessions import InferenceSession

_LEAST_LENGTH = 1e-9


class Embedder:
    """One network of an embedder."""

    def __init__(self, network: Network, session: InferenceSession, *, batch: int) -> None:
        self.network = network
        self._session = session
        self._batch = batch

    def embed(self, chips: NDArray[np.uint8]) -> Embeddings:
        """`chips` [N, side, side, 3] uint8 BGR; [N, dimension] float32, its part of an embedding for each.

        `batch` bounds what the network holds at once.
        """
        if len(chips) == 0:
            return np.empty((0, self.network.dimension), dtype=np.float32)
        batches = [chips[start : start + self._batch] for start in range(0, len(chips), self._batch)]
        numbers = np.concatenate([self._session.run(batch)[0] for batch in batches])
        if self.network.unit:
            numbers /= np.maximum(np.linalg.norm(numbers, axis=1, keepdims=True), _LEAST_LENGTH)
        return numbers * np.float32(self.network.factor) if self.network.factor != 1 else numbers
