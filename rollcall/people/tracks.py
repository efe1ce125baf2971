"""Turns faces in frames into people over time: links faces into tracks, and tells who they show.

Linking uses position and embedding together. At a few frames a second a walking person may leave their own box between
two samples. At a cut somebody else may appear in it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rollcall.contracts.embedder_kinds import embedder_kind
from rollcall.engine.embeddings import with_unit_parts
from rollcall.people.calibration import Calibration
from rollcall.people.gallery import Embedding, Gallery, Match

Box = tuple[float, float, float, float]  # x, y, w, h
MIN_WEIGHT = 1e-3  # so that a face of no worth still has a mean
BLOCK = 64  # tracks compared with everybody at once: one product for each track waits longer for threads than it works
POSITION_SHARE = 0.25  # a face in the very place of the last one counts as nearer by this share: people cross


@dataclass(frozen=True, slots=True)
class Sighting:
    """One face in one sampled frame.

    frame: number of the sampled frame in the video. time: seconds. box: pixels of the source frame.
    weight: 0..1, how far the face can be trusted as evidence. embedding: float32 [D].
    lasts: samples in a row that show this very picture; it counts as one sighting for each.
    """

    frame: int
    time: float
    box: Box
    weight: float
    embedding: Embedding
    lasts: int = 1

    @property
    def last_frame(self) -> int:
        return self.frame + self.lasts - 1


class Track:
    """Sightings of one person, in order of time; its mean embedding is kept as it grows.

    `name`: the enrolled person whom one of the faces shows clearly, by itself; None where none does.
    """

    def __init__(self, sightings: Iterable[Sighting], name: str | None = None) -> None:
        self.name = name
        self.sightings: list[Sighting] = []
        self.evidence = 0.0  # sum of the weights: about the number of good faces
        self._sum: Embedding = np.zeros(0, dtype=np.float32)
        for sighting in sightings:
            self.add(sighting)

    def add(self, sighting: Sighting, name: str | None = None) -> None:
        self.name = self.name or name
        weight = max(sighting.weight, MIN_WEIGHT) * sighting.lasts
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


def overlaps(one: Sequence[Box], other: Sequence[Box]) -> NDArray[np.float64]:
    """Intersection over union of each of N boxes with each of M. Returns [N, M], 0..1."""
    rows, columns = np.array(one)[:, None], np.array(other)[None]
    far = np.minimum(rows[..., :2] + rows[..., 2:], columns[..., :2] + columns[..., 2:])
    sides = np.maximum(far - np.maximum(rows[..., :2], columns[..., :2]), 0)
    shared = sides.prod(axis=2)
    whole = rows[..., 2:].prod(axis=2) + columns[..., 2:].prod(axis=2) - shared
    return np.asarray(shared / whole, dtype=np.float64)


def link(sightings: Sequence[Sighting], gallery: Gallery, *, max_gap: int = 2) -> list[Track]:
    """Link sightings into tracks, frame by frame. If the gallery is empty, looks alone tell people apart.

    max_gap: frames without the person after which a track ends. The result does not depend on the order given.
    """
    by_frame: dict[int, list[_Named]] = {}
    for named in sorted(_named(sightings, gallery), key=lambda named: (named[0].frame, named[0].box)):
        by_frame.setdefault(named[0].frame, []).append(named)
    ended: list[Track] = []
    live: list[Track] = []
    for frame, found in sorted(by_frame.items()):
        ended += [track for track in live if frame - track.last.last_frame > max_gap]
        live = [track for track in live if frame - track.last.last_frame <= max_gap]
        taken = _assign(_costs(live, found, gallery.calibration)) if live else {}
        for number, track in enumerate(live):
            if number in taken:
                track.add(*found[taken[number]])
        new = set(range(len(found))) - set(taken.values())
        live += [Track([found[number][0]], found[number][1]) for number in sorted(new)]
    return sorted(ended + live, key=lambda track: (track.first.frame, track.first.box))


_Named = tuple[Sighting, str | None]


def _named(sightings: Sequence[Sighting], gallery: Gallery) -> Iterator[_Named]:
    if not sightings:
        return iter(())
    embeddings = np.stack([sighting.embedding for sighting in sightings])
    names = gallery.names(embeddings, evidence=[sighting.weight for sighting in sightings])
    return zip(sightings, names, strict=True)


def _costs(tracks: Sequence[Track], found: Sequence[_Named], calibration: Calibration) -> NDArray[np.float64]:
    """Cost of continuing each track with each of the faces found, [tracks, found]; infinite where it must not be."""
    faces = np.stack([sighting.embedding for sighting, _ in found])
    # the nearer of the last face and the mean: a turning head resembles its last view, a blurred one its mean
    views = np.stack([track.last.embedding for track in tracks] + [track.embedding for track in tracks])
    squared = _squared_distances(_as_faces(views, calibration), faces).reshape(2, len(tracks), len(faces))
    distances = np.sqrt(np.maximum(squared.min(axis=0), 0))
    shared = overlaps([track.last.box for track in tracks], [sighting.box for sighting, _ in found])
    limit = np.where(shared > 0, calibration.link_distance, calibration.follow_distance)
    allowed = distances <= limit
    for row, track in enumerate(tracks):
        if track.name is not None:
            allowed[row] &= [_may_be_one(track.name, name) for _, name in found]
    return np.where(allowed, distances * (1.0 - POSITION_SHARE * shared), np.inf)


def _may_be_one(one: str | None, other: str | None) -> bool:
    """False for two faces that clearly have two different names, however alike they are."""
    return one is None or other is None or one == other


def _assign(costs: NDArray[np.float64]) -> dict[int, int]:
    """Pair rows with columns, cheapest pair first. Returns {row: column}."""
    taken: dict[int, int] = {}
    columns: set[int] = set()
    for pair in np.argsort(costs, axis=None, kind="stable"):
        row, column = divmod(int(pair), costs.shape[1])
        if not np.isfinite(costs[row, column]):
            break
        if row not in taken and column not in columns:
            taken[row] = column
            columns.add(column)
    return taken


@dataclass(frozen=True, slots=True)
class Identity:
    """All tracks of one person in a video; `match.name` is None for somebody unknown."""

    match: Match
    tracks: tuple[Track, ...]

    @property
    def sightings(self) -> list[Sighting]:
        return sorted((sighting for track in self.tracks for sighting in track.sightings), key=lambda s: s.frame)


class _Person:
    """Tracks taken together as one person's. `name`: whom at least one of them shows clearly; None if none does."""

    def __init__(self, track: Track, name: str | None) -> None:
        self.name = name
        self.tracks = [track]
        self.frames = {sighting.frame for sighting in track.sightings}
        self.evidence = track.evidence
        self._sum = track.evidence * track.embedding

    def may_join(self, other: "_Person") -> bool:
        """False for tracks in one frame: a person is in one place at a time."""
        return _may_be_one(self.name, other.name) and self.frames.isdisjoint(other.frames)

    def join(self, other: "_Person") -> None:
        self.name = self.name or other.name
        self.tracks += other.tracks
        self.frames |= other.frames
        self.evidence += other.evidence
        self._sum = self._sum + other._sum

    @property
    def embedding(self) -> Embedding:
        """Mean of the tracks' embeddings by evidence. Returns float32 [D]."""
        return np.asarray(self._sum / self.evidence, dtype=np.float32)

    @property
    def start(self) -> tuple[int, Box]:
        return min((track.first.frame, track.first.box) for track in self.tracks)

    def identity(self, match: Match) -> Identity:
        return Identity(match, tuple(sorted(self.tracks, key=lambda track: (track.first.frame, track.first.box))))


_Claim = tuple[Match, _Person]


def identify(tracks: Sequence[Track], gallery: Gallery, *, least_evidence: float = 0.0) -> list[Identity]:
    """Group tracks by person: enrolled people first, by name, then unknown ones, by first appearance.

    least_evidence: what the faces of an unknown person together weigh at least to be listed; 0 lists everybody.
    """
    named: dict[str, list[_Claim]] = {}
    strangers: list[_Claim] = []
    for person in _grouped(tracks, gallery):
        match = gallery.match(person.embedding, evidence=person.evidence)
        claims = strangers if match.name is None else named.setdefault(match.name, [])
        claims.append((match, person))
    people: list[Identity] = []
    for _, claims in sorted(named.items()):
        (match, person), refused = _settled(claims, gallery.calibration)
        people.append(person.identity(match))
        strangers += [(replace(match, name=None), person) for match, person in refused]
    listed = [claim for claim in strangers if claim[1].evidence >= least_evidence]
    return people + [person.identity(match) for match, person in sorted(listed, key=lambda claim: claim[1].start)]


def _grouped(tracks: Sequence[Track], gallery: Gallery) -> list[_Person]:
    """Join tracks to the nearest person who may be theirs, tracks with most evidence first."""
    calibration = gallery.calibration
    ordered = sorted(tracks, key=lambda track: (-track.evidence, track.first.frame, track.first.box))
    people: list[_Person] = []
    means = np.empty((len(tracks), len(tracks[0].embedding) if tracks else 0), dtype=np.float32)
    for start in range(0, len(ordered), BLOCK):
        block = ordered[start : start + BLOCK]
        probes = _as_faces(np.stack([track.embedding for track in block]), calibration)
        squared = np.full((len(block), len(people) + len(block)), np.inf, dtype=np.float32)
        squared[:, : len(people)] = _squared_distances(probes, means[: len(people)])
        names = gallery.names(probes, evidence=[track.evidence for track in block])
        for row, (track, name) in enumerate(zip(block, names, strict=True)):
            newcomer = _Person(track, name)
            number = _nearest_free(people, squared[row], newcomer, calibration.follow_distance)
            if number is None:
                number = len(people)
                people.append(newcomer)
            else:
                people[number].join(newcomer)
            means[number] = _as_faces(people[number].embedding[None], calibration)[0]
            # the person that this track changed or added is compared anew with the rest of the block
            squared[row + 1 :, number] = _squared_distances(probes[row + 1 :], means[number : number + 1])[:, 0]
    return people


def _as_faces(means: NDArray[np.float32], calibration: Calibration) -> NDArray[np.float32]:
    """Means of embeddings [N, D], to be compared as if each were one face's."""
    return with_unit_parts(means, embedder_kind(calibration.embedder))


def _squared_distances(probes: NDArray[np.float32], means: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distances of each of N probes to each of M means. Returns [N, M], right to 1e-6."""
    lengths = np.einsum("nd,nd->n", probes, probes)[:, None] + np.einsum("md,md->m", means, means)
    return np.asarray(lengths - 2 * (probes @ means.T), dtype=np.float32)


def _nearest_free(
    people: Sequence[_Person], squared: NDArray[np.float32], newcomer: _Person, limit: float
) -> int | None:
    """Number of the nearest person within the limit whom the newcomer may join."""
    near = np.flatnonzero(squared <= limit**2)
    ranked = near[np.argsort(squared[near], kind="stable")]
    return next((int(number) for number in ranked if people[number].may_join(newcomer)), None)


def _settled(claims: Sequence[_Claim], calibration: Calibration) -> tuple[_Claim, list[_Claim]]:
    """The claim that keeps a name, with the match that has most evidence, and the refused claims.

    Another claim to the name must resemble the nearest claim in this video. In two places at once both must look
    alike: one is a mirror or a picture.
    """
    (match, person), *others = sorted(claims, key=lambda claim: (claim[0].distance, claim[1].start))
    most = person.evidence
    refused = []
    for other_match, other in others:
        one, two = _as_faces(np.stack([person.embedding, other.embedding]), calibration)
        together = not person.frames.isdisjoint(other.frames)
        limit = calibration.follow_distance if together else max(calibration.follow_distance, calibration.threshold)
        if np.linalg.norm(one - two) > limit:
            refused.append((other_match, other))
            continue
        if other.evidence > most:
            match, most = other_match, other.evidence
        person.join(other)
    return (match, person), refused


def segments(
    times: NDArray[np.float64], *, lengths: NDArray[np.float64], duration: float, max_gap: float
) -> list[tuple[float, float]]:
    """Stretches in which somebody is seen, from the times of their sightings.

    times: seconds, ascending. lengths: seconds that each sighting stands for. max_gap: seconds without a sighting that
    do not end a stretch. Returns (start, end) pairs in seconds.
    """
    stretches: list[tuple[float, float]] = []
    for time, length in zip(times.tolist(), lengths.tolist(), strict=True):
        end = min(time + length, max(duration, time))
        if stretches and time - stretches[-1][1] <= max_gap + 1e-6:
            stretches[-1] = (stretches[-1][0], max(end, stretches[-1][1]))
        else:
            stretches.append((time, end))
    return stretches
