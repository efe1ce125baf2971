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
        result = np.empty((len(chips), self._dimension), dtype=np.float32)
        for start in range(0, len(chips), self._batch):
            part = slice(start, start + self._batch)
            (result[part],) = self._session.run(chips[part])
        return result
