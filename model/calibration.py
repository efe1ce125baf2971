"""The numbers that turn distances between embeddings into decisions, per embedder, with their provenance."""

import json
import math
from dataclasses import dataclass, replace
from importlib import resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Distances are Euclidean, between embeddings as the embedder gives them.

    threshold: a probe farther than this from everybody enrolled is unknown.
    thin_threshold, thin_evidence: the threshold of a probe whose faces together weigh less than this.
    margin: a probe whose two nearest people are closer together than this is unknown: a tie is no evidence.
    link_distance: overlapping faces in neighbouring frames farther apart than this are two people.
    follow_distance: faces that do not overlap are one person only if they are nearer than this.
    similarity_scale: distance over which the similarity shown to people falls from 50 to 27 %.
    """

    embedder: str
    threshold: float
    thin_threshold: float
    thin_evidence: float
    margin: float
    link_distance: float
    follow_distance: float
    similarity_scale: float
    provenance: str

    def limit(self, evidence: float) -> float:
        """The largest distance at which a probe of so much evidence is named."""
        return self.threshold if evidence >= self.thin_evidence else min(self.thin_threshold, self.threshold)

    def similarity(self, distance: float) -> float:
        """Map a distance (0 and up) to 0..100, 50 at the threshold, higher for nearer."""
        exponent = min((distance - self.threshold) / self.similarity_scale, 50.0)  # exp(50) is as good as infinity
        return 100.0 / (1.0 + math.exp(exponent))


def load_calibration(embedder: str, *, threshold: float | None = None) -> Calibration:
    """Read the shipped calibration of an embedder; `threshold` overrides the shipped one.

    Raises KeyError for an embedder that has none.
    """
    shipped = json.loads(resources.files("model").joinpath("calibration.json").read_text(encoding="utf-8"))
    calibration = Calibration(embedder=embedder, **shipped[embedder])
    return calibration if threshold is None else replace(calibration, threshold=threshold)
