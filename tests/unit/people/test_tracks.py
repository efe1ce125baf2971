"""Tracks and identities on made-up embeddings: points in the plane, where distances can be read off."""

import random
from dataclasses import replace

import numpy as np
import pytest

from rollcall.contracts.embedder_kinds import embedder_kind
from rollcall.people.calibration import Calibration, ErrorRates, load_calibration
from rollcall.people.gallery import Gallery, Templates
from rollcall.people.tracks import Box, Sighting, Track, identify, link, overlaps, segments

CALIBRATION = Calibration(
    embedder="dlib-resnet",
    threshold=0.6,
    thin_threshold=0.3,
    thin_evidence=0.4,
    margin=0.04,
    sure_distance=0.5,
    link_distance=0.6,
    follow_distance=0.45,
    least_evidence=0.3,
    even_distance=0.65,
    similarity_scale=0.02,
    odds_against=9,
    provenance="made up for these tests",
)
ANN, BEN, STRANGER = (0.0, 0.0), (1.0, 0.0), (0.0, 2.0)
LEFT, RIGHT = (0.0, 0.0, 100.0, 100.0), (500.0, 0.0, 100.0, 100.0)


def seen(frame: int, at: tuple[float, float], box: Box = LEFT, weight: float = 1.0) -> Sighting:
    return Sighting(frame=frame, time=frame / 2, box=box, weight=weight, embedding=np.array(at, dtype=np.float32))


def gallery(**people: tuple[float, float]) -> Gallery:
    return enrolled(list(people), np.array(list(people.values()), dtype=np.float32).reshape(-1, 2))


def enrolled(names: list[str], embeddings: np.ndarray, calibration: Calibration = CALIBRATION) -> Gallery:
    return Gallery([Templates("dlib-resnet", names, embeddings)], calibration)


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


def test_names_of_many_are_those_of_each() -> None:
    generator = np.random.default_rng(4)
    templates = generator.normal(size=(300, 128)).astype(np.float32) / 16
    crowd = enrolled([f"person {number % 120}" for number in range(300)], templates, load_calibration("dlib-resnet"))
    probes = templates[generator.integers(300, size=400)] + generator.normal(size=(400, 128)).astype(np.float32) / 40
    probes, evidence = np.asarray(probes, dtype=np.float32), generator.uniform(0, 2, 400).tolist()

    names = crowd.names(np.asarray(probes, dtype=np.float32), evidence=evidence)

    assert names == [crowd.match(probe, evidence=weight).name for probe, weight in zip(probes, evidence, strict=True)]
    assert 50 < sum(name is None for name in names) < 350


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


def test_the_nearest_photo_and_all_photos_of_a_person_count_alike() -> None:
    embeddings = np.array([ANN, (0.0, 0.6), BEN], dtype=np.float32)
    two_views = enrolled(["ann", "ann", "ben"], embeddings)
    face = np.array((0.0, 0.6), dtype=np.float32)

    assert two_views.match(face, evidence=1).name == "ann"
    assert two_views.match(face, evidence=1).distance == pytest.approx((0.36 / 2 / 3) ** 0.5)
    assert two_views.distances(face)[0] == pytest.approx((0.36 / 2 / 3) ** 0.5)


def test_more_photos_of_a_person_do_not_bring_strangers_nearer() -> None:
    generator = np.random.default_rng(2)
    photos = generator.normal(size=(9, 128)).astype(np.float32) / 16
    strangers = generator.normal(size=(2000, 128)).astype(np.float32) / 12
    few, many = (enrolled(["ann"] * count, photos[:count], load_calibration("dlib-resnet")) for count in (1, 9))

    with_one, with_nine = (np.array([each.distances(stranger)[0] for stranger in strangers]) for each in (few, many))

    limit = np.quantile(with_one, 0.01)  # within it a stranger in a hundred is named, with one photo
    assert 0 < (with_nine < limit).mean() <= 0.01


def test_templates_of_the_resnet_alone_are_compared_by_it_alone() -> None:
    """A distance from its own threshold becomes as much of the scale of the embedder in use."""
    calibration, own = load_calibration("fused"), load_calibration("dlib-resnet")
    resnet, sface = np.zeros(128, dtype=np.float32), np.eye(128, dtype=np.float32)[0]
    probe = np.hstack([resnet, sface])
    at_threshold, beyond = np.full(128, own.threshold / 128**0.5), np.full(128, (own.threshold + 0.01) / 128**0.5)
    old = Templates("dlib-resnet", ["old", "far"], np.array([at_threshold, beyond], dtype=np.float32))
    new = Templates("fused", ["new"], np.hstack([resnet, -sface])[None].astype(np.float32))

    gallery = Gallery([old, new], calibration)

    distances = dict(zip(gallery.people, gallery.distances(probe), strict=True))
    assert distances["old"] == pytest.approx(calibration.threshold, abs=1e-3)
    scale = calibration.similarity_scale / own.similarity_scale
    assert distances["far"] == pytest.approx(calibration.threshold + 0.01 * scale, abs=1e-3)
    assert distances["new"] == pytest.approx(2)
    assert gallery.nearest_template(probe, "old")[1] == pytest.approx(at_threshold)


def test_a_gallery_tells_the_error_rates_of_its_weakest_comparison() -> None:
    def told(*embedders: str, threshold: float | None = None) -> ErrorRates | None:
        groups = [
            Templates(name, [name], np.ones((1, embedder_kind(name).dimension), dtype=np.float32)) for name in embedders
        ]
        return Gallery(groups, load_calibration("fused", threshold=threshold)).calibration.error_rates

    shipped = {name: load_calibration(name).error_rates for name in ("fused", "dlib-resnet")}

    assert told() == told("fused") == shipped["fused"] != shipped["dlib-resnet"]
    assert told("dlib-resnet") == told("dlib-resnet", "fused") == shipped["dlib-resnet"]
    assert told("dlib-resnet", threshold=1.0) is None


def test_a_mean_of_faces_is_compared_by_angle_where_one_face_is() -> None:
    calibration = load_calibration("sface")
    axes = np.eye(128, dtype=np.float32)
    gallery = Gallery([Templates("sface", ["ann"], axes[:1])], calibration)

    assert gallery.match(0.5 * axes[0], evidence=1).distance == pytest.approx(0, abs=1e-6)


def test_the_farther_a_face_the_clearer_it_must_be_whose() -> None:
    # the next person is 0.1 farther in both
    near, far = (
        enrolled(["ann", "ben"], np.array([(-distance, 0.0), (distance + 0.1, 0.0)], dtype=np.float32))
        for distance in (0.4, 0.58)
    )
    face = np.array((0.0, 0.0), dtype=np.float32)

    assert [gallery.match(face, evidence=1).name for gallery in (near, far)] == ["ann", None]


def test_the_matrix_product_finds_the_nearest_of_many() -> None:
    generator = np.random.default_rng(5)
    templates = generator.normal(size=(500, 128)).astype(np.float32) / 8
    names = [f"person {number % 200}" for number in range(500)]
    templates[[207, 407]] = templates[7]
    crowd = enrolled(names, templates, load_calibration("dlib-resnet"))
    probe = templates[7] + np.float32(0.01)

    match = crowd.match(probe, evidence=1)

    assert match.name == "person 7"
    squared: dict[str, list[float]] = {}
    for name, template in zip(names, templates, strict=True):
        squared.setdefault(name, []).append(float(((probe - template) ** 2).sum()))
    distances = {name: ((2 * min(found) + np.mean(found)) / 3) ** 0.5 for name, found in squared.items()}
    assert match.distance == pytest.approx(distances.pop("person 7"), abs=1e-5)
    assert match.runner_up_distance == pytest.approx(min(distances.values()), abs=1e-5)


@pytest.mark.parametrize(("distance", "similarity"), [(0.65, 10.0), (0.0, 100.0), (100.0, 0.0)])
def test_similarity_is_a_probability(distance: float, similarity: float) -> None:
    # at 0.65 as many pairs are of one person as of two; 9 to 1 against it beforehand leaves one in ten
    assert CALIBRATION.similarity(distance) == pytest.approx(similarity, abs=0.01)


def test_the_shipped_similarity_is_fifty_at_the_shipped_threshold() -> None:
    shipped = load_calibration("dlib-resnet")

    assert shipped.similarity(shipped.threshold) == pytest.approx(50, abs=1)
    assert load_calibration("dlib-resnet", threshold=0.4).similarity(0.58) == shipped.similarity(0.58)


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
