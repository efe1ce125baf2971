"""Conversion of embeddings between embedders, and their means. It needs NumPy only."""

import numpy as np
from numpy.typing import NDArray

from rollcall.contracts.embedder_kinds import EmbedderKind

Embeddings = NDArray[np.float32]
"""[N, D]."""


def as_kind(embeddings: Embeddings, made_by: EmbedderKind, wanted: EmbedderKind) -> Embeddings:
    """The embeddings of `wanted`, taken out of embeddings [N, D] of a kind that has all its networks."""
    if made_by == wanted:
        return embeddings
    ends = np.cumsum([network.dimension for network in made_by.networks])
    parts = {
        network.file: embeddings[:, end - network.dimension : end] / np.float32(network.factor)
        for network, end in zip(made_by.networks, ends, strict=True)
    }
    return np.hstack([parts[network.file] * np.float32(network.factor) for network in wanted.networks])


def with_unit_parts(embeddings: Embeddings, kind: EmbedderKind) -> Embeddings:
    """Means of embeddings [N, D], with the parts that are compared by angle brought back to their length."""
    scaled = embeddings.astype(np.float32, copy=True)
    start = 0
    for network in kind.networks:
        if network.unit:
            part = scaled[:, start : start + network.dimension]
            part *= np.float32(network.factor) / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-9)
        start += network.dimension
    return scaled
