"""Tracks and identities on made-up embeddings: points in the plane, where distances can be read off."""

import random

import numpy as np
import pytest

from model.calibration import Calibration
from model.gallery import Gallery
from model.tracks import Box, Sighting, Track, identify, link, overlap, segments

CALIBRATION = Calibration(
    embedder="plane",
    threshold=0.6,
    thin_threshold=0.3,
    thin_evidence=0.4,
    margin=0.04,
    link_distance=0.6,
    follow_distance=0.45,
    similarity_scale=0.05,
    provenance="made up for these tests",
)
ANN, BEN, STRANGER = (0.0, 0.0), (1.0, 0.0), (0.0, 2.0)
LEFT, RIGHT = (0.0, 0.0, 100.0, 100.0), (500.0, 0.0, 100.0, 100.0)


def seen(frame: int, at: tuple[float, float], box: Box = LEFT, weight: float = 1.0) -> Sighting:
    return Sighting(frame=frame, time=frame / 2, box=box, weight=weight, embedding=np.array(at, dtype=np.float32))


def gallery(**people: tuple[float, float]) -> Gallery:
    return Gallery(list(people), np.array(list(people.values()), dtype=np.float32).reshape(-1, 2), CALIBRATION)


def frames(track: Track) -> list[int]:
    return [sighting.frame for sighting in track.sightings]


def test_a_face_that_stays_is_one_track() -> None:
    assert [frames(track) for track in link([seen(n, ANN) for n in range(5)], CALIBRATION)] == [[0, 1, 2, 3, 4]]


def test_a_face_that_moves_out_of_its_box_is_followed_by_its_embedding() -> None:
    (track,) = link([seen(0, ANN, LEFT), seen(1, (0.1, 0.1), RIGHT)], CALIBRATION)

    assert frames(track) == [0, 1]


def test_a_cut_to_somebody_else_in_the_same_place_starts_a_track() -> None:
    tracks = link([seen(0, ANN), seen(1, ANN), seen(2, BEN), seen(3, BEN)], CALIBRATION)

    assert [frames(track) for track in tracks] == [[0, 1], [2, 3]]


def test_two_people_who_cross_keep_their_own_tracks() -> None:
    sightings = []
    for number in range(11):
        step = 50.0 * number
        sightings += [seen(number, ANN, (step, 0, 100, 100)), seen(number, (0.5, 0.0), (500 - step, 0, 100, 100))]

    tracks = link(sightings, CALIBRATION)

    assert len(tracks) == 2
    assert {tuple(float(value) for value in track.embedding) for track in tracks} == {ANN, (0.5, 0.0)}


def test_a_blink_does_not_end_a_track_but_an_absence_does() -> None:
    tracks = link([seen(n, ANN) for n in (0, 2, 8, 9)], CALIBRATION)

    assert [frames(track) for track in tracks] == [[0, 2], [8, 9]]


def test_linking_does_not_depend_on_the_order_of_arrival() -> None:
    sightings = [seen(n, at, box) for n in range(10) for at, box in ((ANN, LEFT), (BEN, RIGHT))]
    shuffled = sightings.copy()
    random.Random(3).shuffle(shuffled)

    assert [frames(track) for track in link(shuffled, CALIBRATION)] == [frames(t) for t in link(sightings, CALIBRATION)]


def test_the_mean_embedding_goes_by_weight() -> None:
    track = Track([seen(0, (0.0, 0.0), weight=0.9), seen(1, (1.0, 0.0), weight=0.1)])

    assert track.embedding == pytest.approx([0.1, 0.0])


def test_identity_is_the_tracks_and_not_a_frames() -> None:
    # one frame of four is nearer to Ben; the track as a whole is Ann
    track = Track([seen(0, (0.2, 0.0)), seen(1, (0.1, 0.0)), seen(2, (0.7, 0.0), weight=0.2), seen(3, (0.1, 0.0))])

    (identity,) = identify([track], gallery(ann=ANN, ben=BEN))

    assert identity.match.name == "ann"


def test_somebody_who_returns_is_one_person_with_two_tracks() -> None:
    identities = identify([Track([seen(0, ANN)]), Track([seen(20, (0.1, 0.0))])], gallery(ann=ANN))

    assert [(identity.match.name, len(identity.tracks)) for identity in identities] == [("ann", 2)]


def test_a_stranger_is_nobody() -> None:
    (identity,) = identify([Track([seen(0, STRANGER)])], gallery(ann=ANN, ben=BEN))

    assert identity.match.name is None


def test_a_tie_is_nobody() -> None:
    (identity,) = identify([Track([seen(0, (0.5, 0.0))])], gallery(ann=ANN, ben=BEN))

    assert identity.match.name is None
    assert identity.match.distance == pytest.approx(0.5)


def test_thin_evidence_needs_a_nearer_face() -> None:
    glimpse, look = (Track([seen(0, (0.0, 0.5), weight=weight)]) for weight in (0.2, 0.9))

    assert [identify([track], gallery(ann=ANN))[0].match.name for track in (glimpse, look)] == [None, "ann"]


def test_without_a_gallery_everybody_is_a_stranger() -> None:
    (identity,) = identify([Track([seen(0, ANN)])], gallery())

    assert identity.match.name is None
    assert identity.match.similarity == 0.0


def test_a_stranger_who_returns_is_one_and_two_in_one_frame_are_two() -> None:
    returning = [Track([seen(0, STRANGER)]), Track([seen(20, (0.1, 2.0))])]
    together = Track([seen(20, (0.2, 2.0), RIGHT)])

    identities = identify([*returning, together], gallery(ann=ANN))

    assert [len(identity.tracks) for identity in identities] == [2, 1]


def test_the_nearest_of_a_persons_templates_counts() -> None:
    embeddings = np.array([ANN, (0.0, 1.0), BEN], dtype=np.float32)
    two_views = Gallery(["ann", "ann", "ben"], embeddings, CALIBRATION)

    assert two_views.match(np.array((0.0, 1.1), dtype=np.float32), evidence=1).name == "ann"
    assert two_views.distances(np.array((0.0, 1.1), dtype=np.float32))[0] == pytest.approx(0.1)


@pytest.mark.parametrize(("distance", "similarity"), [(0.6, 50.0), (0.0, 100.0), (100.0, 0.0)])
def test_similarity_is_fifty_at_the_threshold(distance: float, similarity: float) -> None:
    assert CALIBRATION.similarity(distance) == pytest.approx(similarity, abs=0.01)


def test_overlap_is_intersection_over_union() -> None:
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (10, 0, 10, 10)) == 0.0


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0.0, 0.5, 1.0], [(0.0, 1.5)]),
        ([0.0, 1.5, 4.0], [(0.0, 2.0), (4.0, 4.5)]),
        ([9.5], [(9.5, 9.9)]),
    ],
    ids=["unbroken", "a gap bridged and one that is not", "no longer than the video"],
)
def test_segments(times: list[float], expected: list[tuple[float, float]]) -> None:
    assert segments(np.array(times), step=0.5, duration=9.9, max_gap=1.0) == expected


def test_a_photo_is_one_moment() -> None:
    assert segments(np.array([0.0]), step=0.0, duration=0.0, max_gap=0.0) == [(0.0, 0.0)]
