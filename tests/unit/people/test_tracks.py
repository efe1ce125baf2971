"""Tracks and identities on made-up embeddings: points in the plane, where distances can be read off."""

import random
from dataclasses import replace

import numpy as np
import pytest

from rollcall.people.calibration import load_calibration
from rollcall.people.gallery import Gallery
from rollcall.people.tracks import Box, Sighting, Track, identify, link, overlaps, segments
from tests.unit.people.small_galleries import ANN, BEN, CALIBRATION, enrolled

STRANGER = (0.0, 2.0)
LEFT, RIGHT = (0.0, 0.0, 100.0, 100.0), (500.0, 0.0, 100.0, 100.0)


def seen(frame: int, at: tuple[float, float], box: Box = LEFT, weight: float = 1.0) -> Sighting:
    return Sighting(frame=frame, time=frame / 2, box=box, weight=weight, embedding=np.array(at, dtype=np.float32))


def gallery(**people: tuple[float, float]) -> Gallery:
    return enrolled(list(people), np.array(list(people.values()), dtype=np.float32).reshape(-1, 2))


def frames(track: Track) -> list[int]:
    return [sighting.frame for sighting in track.sightings]


def test_a_face_that_stays_is_one_track() -> None:
    assert [frames(track) for track in link([seen(n, ANN) for n in range(5)], gallery())] == [[0, 1, 2, 3, 4]]


def test_a_face_that_moves_out_of_its_box_is_followed_by_its_embedding() -> None:
    (track,) = link([seen(0, ANN, LEFT), seen(1, (0.1, 0.1), RIGHT)], gallery())

    assert frames(track) == [0, 1]


def test_a_cut_to_somebody_else_in_the_same_place_starts_a_track() -> None:
    tracks = link([seen(0, ANN), seen(1, ANN), seen(2, BEN), seen(3, BEN)], gallery())

    assert [frames(track) for track in tracks] == [[0, 1], [2, 3]]


def test_two_people_who_cross_keep_their_own_tracks() -> None:
    sightings = []
    for number in range(11):
        step = 50.0 * number
        sightings += [seen(number, ANN, (step, 0, 100, 100)), seen(number, (0.5, 0.0), (500 - step, 0, 100, 100))]

    tracks = link(sightings, gallery())

    assert len(tracks) == 2
    assert {tuple(float(value) for value in track.embedding) for track in tracks} == {ANN, (0.5, 0.0)}


def test_a_blink_does_not_end_a_track_but_an_absence_does() -> None:
    tracks = link([seen(n, ANN) for n in (0, 2, 8, 9)], gallery())

    assert [frames(track) for track in tracks] == [[0, 2], [8, 9]]


def test_linking_does_not_depend_on_the_order_of_arrival() -> None:
    sightings = [seen(n, at, box) for n in range(10) for at, box in ((ANN, LEFT), (BEN, RIGHT))]
    shuffled = sightings.copy()
    random.Random(3).shuffle(shuffled)

    assert [frames(track) for track in link(shuffled, gallery())] == [frames(t) for t in link(sightings, gallery())]


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


def test_a_turned_head_belongs_to_whom_it_resembles_in_this_video() -> None:
    # too far from Ann's photo for a name of its own, near to how she looks here, and a weaker look at her
    face, profile = Track([seen(n, (0.0, 0.4)) for n in range(3)]), Track([seen(9, (0.0, 0.75), weight=0.3)])

    (identity,) = identify([face, profile], gallery(ann=ANN))

    assert (identity.match.name, frames(identity.tracks[1])) == ("ann", [9])


def test_one_weak_look_does_not_name_a_stranger() -> None:
    # a single frame is near enough to Ann, the person as a whole is not
    look, person = Track([seen(9, (0.0, 0.5))]), Track([seen(n, (0.0, 0.7)) for n in range(8)])

    (identity,) = identify([look, person], gallery(ann=ANN))

    assert (identity.match.name, len(identity.tracks)) == (None, 2)


def test_one_name_is_not_given_to_two_people_in_one_frame() -> None:
    ann, double = Track([seen(0, (0.1, 0.0))]), Track([seen(0, (-0.5, 0.0), RIGHT)])

    identities = identify([double, ann], gallery(ann=ANN))

    assert [(identity.match.name, identity.tracks) for identity in identities] == [("ann", (ann,)), (None, (double,))]


def test_a_person_and_their_picture_are_one() -> None:
    ann, poster = Track([seen(0, (0.1, 0.0))]), Track([seen(0, (0.2, 0.0), RIGHT)])

    (identity,) = identify([poster, ann], gallery(ann=ANN))

    assert (identity.match.name, len(identity.tracks)) == ("ann", 2)


def test_at_a_hard_cut_from_one_twin_to_the_other_both_enrolled_a_track_ends() -> None:
    twins = gallery(ann=ANN, amy=(0.4, 0.0))

    tracks = link([seen(n, (0.1, 0.0)) for n in range(3)] + [seen(n, (0.35, 0.0)) for n in range(3, 6)], twins)

    assert [(track.name, frames(track)) for track in tracks] == [("ann", [0, 1, 2]), ("amy", [3, 4, 5])]


def test_an_unclear_face_continues_the_track_of_a_named_person() -> None:
    (track,) = link([seen(0, (0.1, 0.0)), seen(1, (0.2, 0.0)), seen(2, (0.1, 0.0))], gallery(ann=ANN, amy=(0.4, 0.0)))

    assert (track.name, frames(track)) == ("ann", [0, 1, 2])


def test_tracks_of_two_names_are_two_people_however_alike() -> None:
    ann, amy, unclear = Track([seen(0, (0.05, 0.0))]), Track([seen(9, (0.35, 0.0))]), Track([seen(20, (0.19, 0.0))])

    identities = identify([ann, amy, unclear], gallery(ann=ANN, amy=(0.4, 0.0)))

    assert [(identity.match.name, identity.tracks) for identity in identities] == [
        ("amy", (amy,)),
        ("ann", (ann, unclear)),
    ]


def test_a_stranger_does_not_take_the_name_of_somebody_else_in_the_video() -> None:
    # each by itself is near enough to Ann's photo, but they do not resemble each other
    ann, stranger = Track([seen(0, (0.1, 0.0))]), Track([seen(20, (-0.55, 0.0))])

    identities = identify([stranger, ann], gallery(ann=ANN))

    assert [(identity.match.name, identity.tracks) for identity in identities] == [("ann", (ann,)), (None, (stranger,))]


def test_a_face_too_dark_to_know_does_not_take_its_neighbors_name() -> None:
    sightings = [seen(n, ANN) for n in range(4)] + [
        seen(n, (0.4, 0.4), (60.0, 0.0, 100.0, 100.0), 0.02) for n in range(4)
    ]
    people = gallery(ann=ANN)

    identities = identify(link(sightings, people), people)

    assert [(identity.match.name, len(identity.sightings)) for identity in identities] == [("ann", 4), (None, 4)]
    assert len(identify(link(sightings, people), people, least_evidence=CALIBRATION.least_evidence)) == 1


def test_means_of_many_looks_are_told_apart_like_single_faces() -> None:
    # a mean of different looks is shorter than one of them, and would seem nearer to everybody
    calibration = load_calibration("sface")
    left, right, across = np.eye(128, dtype=np.float32)[:3]
    cosine = 1 - calibration.follow_distance**2 / 2 - 0.05
    other = cosine * (left + right) / np.sqrt(np.float32(2)) + np.sqrt(1 - cosine**2) * across
    turning, stranger = (
        Track([Sighting(start + n, 0.0, LEFT, 1.0, look) for n, look in enumerate(looks)])
        for start, looks in ((0, (left, right)), (20, (other.astype(np.float32),)))
    )

    assert np.linalg.norm(turning.embedding - stranger.embedding) < calibration.follow_distance
    assert len(identify([turning, stranger], Gallery([], calibration))) == 2


def test_people_are_told_apart_among_many_tracks_as_one_by_one() -> None:
    # more tracks than are compared at once, of people who also appear together
    generator = np.random.default_rng(7)
    looks = generator.normal(size=(40, 128)).astype(np.float32) / 16
    tracks = []
    for start in range(300):
        look = looks[generator.integers(40)] + generator.normal(size=128).astype(np.float32) / 80
        box, weight = (float(start), 0.0, 10.0, 10.0), float(generator.uniform(0.2, 1))
        tracks.append(
            Track([Sighting(frame, frame / 2, box, weight, look) for frame in range(start // 3, start // 3 + 2)])
        )

    identities = identify(tracks, gallery())

    found = {frozenset(id(track) for track in identity.tracks) for identity in identities}
    assert found == one_by_one(tracks)
    assert 40 <= len(found) < 200


def one_by_one(tracks: list[Track]) -> set[frozenset[int]]:
    """The same rule, written down as it is said: the most evidence first, to the nearest person who is free."""
    people: list[list[Track]] = []
    for track in sorted(tracks, key=lambda track: (-track.evidence, track.first.frame, track.first.box)):
        ranked = sorted((float(np.linalg.norm(mean(person) - track.embedding)), n) for n, person in enumerate(people))
        free = [n for apart, n in ranked if apart <= CALIBRATION.follow_distance and not meet(people[n], track)]
        if free:
            people[free[0]].append(track)
        else:
            people.append([track])
    return {frozenset(id(track) for track in person) for person in people}


def mean(person: list[Track]) -> np.ndarray:
    return np.average([track.embedding for track in person], axis=0, weights=[track.evidence for track in person])


def meet(person: list[Track], track: Track) -> bool:
    return not {n for other in person for n in frames(other)}.isdisjoint(frames(track))


def test_what_hardly_counts_as_a_face_is_not_listed_where_evidence_is_asked_for() -> None:
    tracks = [Track([seen(0, STRANGER, weight=0.1)]), Track([seen(0, BEN, RIGHT), seen(1, BEN, RIGHT)])]

    listed = identify(tracks, gallery(ann=ANN), least_evidence=CALIBRATION.least_evidence)

    assert [identity.tracks for identity in listed] == [(tracks[1],)]
    assert len(identify(tracks, gallery(ann=ANN))) == 2


def test_overlap_is_intersection_over_union() -> None:
    boxes = [(0.0, 0.0, 10.0, 10.0), (5.0, 0.0, 10.0, 10.0), (10.0, 0.0, 10.0, 10.0)]

    assert overlaps(boxes[:1], boxes) == pytest.approx(np.array([[1, 1 / 3, 0]]))


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
    lengths = np.full(len(times), 0.5)
    assert segments(np.array(times), lengths=lengths, duration=9.9, max_gap=1.0) == expected


def test_a_photo_is_one_moment() -> None:
    assert segments(np.array([0.0]), lengths=np.zeros(1), duration=0.0, max_gap=0.0) == [(0.0, 0.0)]


def test_a_picture_that_stays_counts_for_as_long_as_it_stays() -> None:
    still = replace(seen(0, ANN), lasts=1200)
    (track,) = link([still, seen(1201, ANN)], gallery())
    each = Track([seen(n, ANN) for n in range(1200)] + [seen(1201, ANN)])
    assert frames(track) == [0, 1201]
    assert track.evidence == pytest.approx(each.evidence)
    assert np.allclose(track.embedding, each.embedding)
    lengths = np.array([600.0, 0.5])
    assert segments(np.array([0.0, 601.0]), lengths=lengths, duration=700.0, max_gap=1.0) == [(0.0, 601.5)]
