"""Face chips to embeddings."""

import numpy as np
from numpy.typing import NDArray

from model.sessions import InferenceSession


class Embedder:
    def __init__(self, session: InferenceSession, *, dimension: int, batch: int) -> None:
        self._session = session
        self._dimension = dimension
        self._batch = batch

    def embed(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`chips` [N, side, side, 3] uint8 BGR; [N, dimension] float32, one embedding each.

        `batch` bounds what the network holds at once.
        """
        if len(chips) == 0:
            return np.empty((0, self._dimension), dtype=np.float32)
        batches = [chips[start : start + self._batch] for start in range(0, len(chips), self._batch)]
        return np.concatenate([self._session.run(batch)[0] for batch in batches])
