"""Face chips to embeddings."""

import numpy as np
from numpy.typing import NDArray

from rollcall.contracts.embedder_kinds import Network
from rollcall.engine.embeddings import Embeddings
from rollcall.engine.sessions import InferenceSession

_LEAST_LENGTH = 1e-9


class Embedder:
    """One network of an embedder."""

    def __init__(self, network: Network, session: InferenceSession, *, batch: int) -> None:
        self.network = network
        self._session = session
        self._batch = batch

    def embed(self, chips: NDArray[np.uint8], *, both_ways: bool = False) -> Embeddings:
        """`chips` [N, side, side, 3] uint8 BGR; [N, dimension] float32, its part of an embedding for each.

        `both_ways`: the mean of each face and its mirror image, of a network that gains by it.
        """
        if len(chips) == 0:
            return np.empty((0, self.network.dimension), dtype=np.float32)
        if both_ways and self.network.gains_by_mirroring:
            as_is, mirrored = np.split(self._run(np.concatenate([chips, chips[:, :, ::-1]])), 2)
            numbers = self._unit(as_is + mirrored)
        else:
            numbers = self._run(chips)
        return numbers * np.float32(self.network.factor) if self.network.factor != 1 else numbers

    def _run(self, chips: NDArray[np.uint8]) -> Embeddings:
        """`batch` bounds what the network holds at once."""
        batches = [chips[start : start + self._batch] for start in range(0, len(chips), self._batch)]
        return self._unit(np.concatenate([self._session.run(batch)[0] for batch in batches]))

    def _unit(self, numbers: Embeddings) -> Embeddings:
        if not self.network.unit:
            return numbers
        lengths = np.linalg.norm(numbers, axis=1, keepdims=True).astype(np.float32)
        return np.asarray(numbers / np.maximum(lengths, _LEAST_LENGTH), dtype=np.float32)
