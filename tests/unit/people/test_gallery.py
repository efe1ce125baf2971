"""Who a probe is, told by the templates of the people enrolled."""

import numpy as np
import pytest

from rollcall.contracts.embedder_kinds import embedder_kind
from rollcall.people.calibration import ErrorRates, load_calibration
from rollcall.people.gallery import NOBODY, Gallery, Templates
from tests.unit.people.small_galleries import ANN, BEN, CALIBRATION, enrolled


def test_an_empty_gallery_names_nobody() -> None:
    assert Gallery([], CALIBRATION).match(np.zeros(128, dtype=np.float32), evidence=1) == NOBODY


def test_names_of_many_are_those_of_each() -> None:
    generator = np.random.default_rng(4)
    templates = generator.normal(size=(300, 128)).astype(np.float32) / 16
    crowd = enrolled([f"person {number % 120}" for number in range(300)], templates, load_calibration("dlib-resnet"))
    probes = templates[generator.integers(300, size=400)] + generator.normal(size=(400, 128)).astype(np.float32) / 40
    probes, evidence = np.asarray(probes, dtype=np.float32), generator.uniform(0, 2, 400).tolist()

    names = crowd.names(np.asarray(probes, dtype=np.float32), evidence=evidence)

    assert names == [crowd.match(probe, evidence=weight).name for probe, weight in zip(probes, evidence, strict=True)]
    assert 50 < sum(name is None for name in names) < 350


def test_the_nearest_photo_counts_three_fifths_and_the_mean_of_all_two_fifths() -> None:
    embeddings = np.array([ANN, (0.0, 0.6), BEN], dtype=np.float32)
    two_views = enrolled(["ann", "ann", "ben"], embeddings)
    face = np.array((0.0, 0.6), dtype=np.float32)

    assert two_views.match(face, evidence=1).name == "ann"
    assert two_views.match(face, evidence=1).distance == pytest.approx((2 / 5 * 0.36 / 2) ** 0.5)
    assert two_views.distances(face)[0] == pytest.approx((2 / 5 * 0.36 / 2) ** 0.5)


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
    distances = {name: ((3 * min(found) + 2 * np.mean(found)) / 5) ** 0.5 for name, found in squared.items()}
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
