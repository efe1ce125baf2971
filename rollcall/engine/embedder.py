"""Face chips to embeddings, by one network."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rollcall.contracts.embedder_kinds import Network
from rollcall.engine.embeddings import Embeddings
from rollcall.engine.sessions import InferenceSession
from rollcall.engine.variations import unsure

_LEAST_LENGTH = 1e-9


class Embedder:
    """One network of an embedder."""

    def __init__(self, network: Network, session: InferenceSession, *, batch: int) -> None:
        self.network = network
        self._session = session
        self._batch = batch

    def run(self, chips: NDArray[np.uint8]) -> Embeddings:
        """`chips` [N, side, side, 3] uint8 BGR; [N, dimension] float32, as they come; `batch` bounds the memory."""
        if len(chips) == 0:
            return np.empty((0, self.network.dimension), dtype=np.float32)
        batches = [chips[start : start + self._batch] for start in range(0, len(chips), self._batch)]
        return np.asarray(np.concatenate([self._session.run(batch)[0] for batch in batches]), dtype=np.float32)

    def unsure(self, numbers: Embeddings) -> NDArray[np.float32]:
        """[N], 0..1: how unsure the network is of each face whose numbers [N, dimension] these are."""
        if self.network.sure_lengths is None:
            return np.zeros(len(numbers), dtype=np.float32)
        return unsure(_lengths(numbers)[:, 0], self.network.sure_lengths)

    def scaled(self, numbers: Embeddings) -> Embeddings:
        """Its part of an embedding, of numbers [N, dimension] as they come."""
        return self._multiplied(self._unit(numbers))

    def mean(self, variations: Sequence[Embeddings], shares: NDArray[np.float32]) -> Embeddings:
        """Its part of an embedding, of numbers [N, dimension] of each variation, the face as it is first.

        `shares`: [N], 0..1, of the mean of all; the rest is the first one's.
        """
        units = [self._unit(numbers) for numbers in variations]
        mean = self._unit(np.mean(units, axis=0, dtype=np.float32))
        share = shares[:, None]
        return self._multiplied(self._unit((1 - share) * units[0] + share * mean))

    def _unit(self, numbers: Embeddings) -> Embeddings:
        if not self.network.unit:
            return numbers
        return np.asarray(numbers / np.maximum(_lengths(numbers), _LEAST_LENGTH), dtype=np.float32)

    def _multiplied(self, numbers: Embeddings) -> Embeddings:
        return np.asarray(numbers * np.float32(self.network.factor), dtype=np.float32)


def _lengths(numbers: Embeddings) -> NDArray[np.float32]:
    return np.asarray(np.linalg.norm(numbers, axis=1, keepdims=True), dtype=np.float32)
