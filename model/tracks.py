"""From faces in frames to people over time: linking faces into tracks, and grouping tracks by who they show.

Linking goes by position and by embedding together: at a few frames a second a walking person may leave their own
box between two samples, and at a cut somebody else may appear in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.calibration import Calibration
from model.gallery import Embedding, Gallery, Match

Box = tuple[float, float, float, float]  # x, y, w, h
MIN_WEIGHT = 1e-3  # so that a face of no worth still has a mean


@dataclass(frozen=True, slots=True)
class Sighting:
    """One face in one sampled frame.

    frame: number of the sampled frame in the video. time: seconds. box: pixels of the source frame.
    weight: 0..1, how far the face can be trusted as evidence. embedding: float32 [D].
    """

    frame: int
    time: float
    box: Box
    weight: float
    embedding: Embedding


class Track:
    """Sightings of one person, in order of time; its mean embedding is kept as it grows."""

    def __init__(self, sightings: Iterable[Sighting]) -> None:
        self.sightings: list[Sighting] = []
        self.evidence = 0.0  # sum of the weights: about the number of good faces
        self._sum: Embedding = np.zeros(0, dtype=np.float32)
        for sighting in sightings:
            self.add(sighting)

    def add(self, sighting: Sighting) -> None:
        weight = max(sighting.weight, MIN_WEIGHT)
        weighted = weight * sighting.embedding
        self._sum = self._sum + weighted if self.sightings else weighted
        self.evidence += weight
        self.sightings.append(sighting)

    @property
    def first(self) -> Sighting:
        return self.sightings[0]

    @property
    def last(self) -> Sighting:
        return self.sightings[-1]

    @property
    def embedding(self) -> Embedding:
        """Mean of the sightings' embeddings by weight. Returns float32 [D]."""
        return np.asarray(self._sum / self.evidence, dtype=np.float32)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def link(sightings: Sequence[Sighting], calibration: Calibration, *, max_gap: int = 2) -> list[Track]:
    """Link sightings into tracks, frame by frame.

    max_gap: frames without the person after which a track ends. The result does not depend on the order given.
    """
    by_frame: dict[int, list[Sighting]] = {}
    for sighting in sorted(sightings, key=lambda sighting: (sighting.frame, sighting.box)):
        by_frame.setdefault(sighting.frame, []).append(sighting)
    ended: list[Track] = []
    live: list[Track] = []
    for frame, found in sorted(by_frame.items()):
        ended += [track for track in live if frame - track.last.frame > max_gap]
        live = [track for track in live if frame - track.last.frame <= max_gap]
        taken = _assign([_costs(track, found, calibration) for track in live])
        for number, track in enumerate(live):
            if number in taken:
                track.add(found[taken[number]])
        new = set(range(len(found))) - set(taken.values())
        live += [Track([found[number]]) for number in sorted(new)]
    return sorted(ended + live, key=lambda track: (track.first.frame, track.first.box))


def _costs(track: Track, found: Sequence[Sighting], calibration: Calibration) -> list[float]:
    """Cost of continuing a track with each of the faces found; infinite where it must not."""
    return [_cost(track, sighting, calibration) for sighting in found]


def _cost(track: Track, sighting: Sighting, calibration: Calibration) -> float:
    # the nearer of the last face and the mean: a turning head resembles its last view, a blurred one its mean
    distance = min(_distance(track.last.embedding, sighting.embedding), _distance(track.embedding, sighting.embedding))
    shared = overlap(track.last.box, sighting.box)
    limit = calibration.link_distance if shared > 0 else calibration.follow_distance
    return distance * (1.0 - 0.5 * shared) if distance <= limit else float("inf")


def _distance(one: Embedding, other: Embedding) -> float:
    return float(np.linalg.norm(one - other))


def _assign(costs: list[list[float]]) -> dict[int, int]:
    """Pair rows with columns, cheapest pair first. Returns {row: column}."""
    pairs = sorted(
        (cost, row, column) for row, line in enumerate(costs) for column, cost in enumerate(line) if cost < float("inf")
    )
    taken: dict[int, int] = {}
    columns: set[int] = set()
    for _, row, column in pairs:
        if row not in taken and column not in columns:
            taken[row] = column
            columns.add(column)
    return taken


@dataclass(frozen=True, slots=True)
class Identity:
    """Everything one person did in a video: `match.name` is None for somebody unknown."""

    match: Match
    tracks: tuple[Track, ...]

    @property
    def sightings(self) -> list[Sighting]:
        return sorted((sighting for track in self.tracks for sighting in track.sightings), key=lambda s: s.frame)


def identify(tracks: Sequence[Track], gallery: Gallery) -> list[Identity]:
    """Group tracks by person: enrolled people first, by name, then unknown ones, by first appearance."""
    matches = [gallery.match(track.embedding, evidence=track.evidence) for track in tracks]
    named: dict[str, list[int]] = {}
    strangers: list[Track] = []
    for number, match in enumerate(matches):
        if match.name is None:
            strangers.append(tracks[number])
        else:
            named.setdefault(match.name, []).append(number)
    # the number shown is that of the track with most evidence: it is one that was decided on
    people = [
        Identity(matches[max(group, key=lambda number: tracks[number].evidence)], tuple(tracks[n] for n in group))
        for _, group in sorted(named.items())
    ]
    return people + [
        Identity(gallery.match(whole.embedding, evidence=whole.evidence), tuple(group))
        for whole, group in _group(strangers, gallery.calibration)
    ]


def _group(tracks: Sequence[Track], calibration: Calibration) -> list[tuple[Track, list[Track]]]:
    """Group tracks of strangers that are near each other and never in one frame. Returns each group as one and whole."""
    groups: list[tuple[Track, list[Track]]] = []
    for track in tracks:
        frames = {sighting.frame for sighting in track.sightings}
        near = [
            (distance, number)
            for number, (whole, _) in enumerate(groups)
            if (distance := _distance(whole.embedding, track.embedding)) <= calibration.follow_distance
            and frames.isdisjoint(sighting.frame for sighting in whole.sightings)
        ]
        if near:
            whole, members = groups[min(near)[1]]
            members.append(track)
            for sighting in track.sightings:
                whole.add(sighting)
        else:
            groups.append((Track(track.sightings), [track]))
    return groups


def segments(times: NDArray[np.float64], *, step: float, duration: float, max_gap: float) -> list[tuple[float, float]]:
    """Stretches in which somebody is seen, from the times of their sightings.

    A sighting stands for the time to the next sample. times: seconds, ascending. step: seconds between samples.
    max_gap: seconds without a sighting that do not end a stretch. Returns (start, end) pairs in seconds.
    """
    stretches: list[tuple[float, float]] = []
    for time in times:
        end = min(float(time) + step, max(duration, float(time)))
        if stretches and time - stretches[-1][1] <= max_gap + 1e-6:
            stretches[-1] = (stretches[-1][0], max(end, stretches[-1][1]))
        else:
            stretches.append((float(time), end))
    return stretches
