"""Rates by group, thresholds and open sets, on made embeddings whose answers are known."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.choose import choose, error_rates, hold_out, measure_all, splits
from benchmarks.accuracy.group_tables import group_lines, group_page
from benchmarks.accuracy.groups import by_group
from benchmarks.accuracy.leave_out import ask
from benchmarks.accuracy.people import People, read_groups, read_relatives
from rollcall.people.calibration import Calibration, load_calibration
from rollcall.people.gallery_store import EnrolledFace

EMBEDDER = "dlib-resnet"
FAR = 0.9


def people(middles: dict[str, float], groups: list[str], *, photos: int = 4, spread: float = 0.05) -> People:
    """Everybody on one line, at the given place; their photos `spread` apart."""
    names = sorted(middles)
    faces = [
        EnrolledFace(
            name=name,
            embedding=np.eye(128, dtype=np.float32)[0] * np.float32(middles[name] + spread * number),
            model=EMBEDDER,
            source=f"{name}/{number}",
            weight=0.3 + number / photos,
        )
        for name in names
        for number in range(photos)
    ]
    subject = np.repeat(np.arange(len(names)), photos)
    asked = np.array([face.embedding for face in faces])
    return People(names, groups, np.zeros((len(names), len(names)), dtype=bool), subject, faces, asked)


@pytest.fixture
def calibration() -> Calibration:
    return replace(load_calibration(EMBEDDER), threshold=0.5, thin_threshold=0.4, thin_evidence=0.8, margin=0.04)


def test_a_group_whose_people_look_alike_comes_first_and_the_mean_is_over_everybody(calibration: Calibration) -> None:
    # of the six in `tight` two are within the threshold of each other; the others are far from everybody
    made = people({"a": 0, "b": 0.3, "c": 5, "d": 10}, ["tight", "tight", "wide", "wide"])

    found = by_group(made, calibration)

    pairs = found["pairs"]
    assert list(pairs) == ["tight", "wide", "everybody"]
    assert (pairs["tight"]["false_match"]["count"], pairs["tight"]["false_match"]["of"]) == (32, 32)
    assert pairs["wide"]["false_match"]["count"] == 0
    assert (pairs["everybody"]["false_match"]["count"], pairs["everybody"]["false_match"]["of"]) == (32, 192)
    assert pairs["everybody"]["false_non_match"]["count"] == 0
    assert list(found["open_set"]["1"]) == ["tight", "wide", "everybody"]
    assert found["open_set"]["1"]["wide"]["strangers_named"]["share"] == 0
    assert found["open_set"]["1"]["tight"]["strangers_named"]["share"] > 0.5


def test_a_face_that_is_no_evidence_makes_no_pair_but_is_asked_about(calibration: Calibration) -> None:
    made = people({"a": 0, "b": 0.3, "c": 5}, ["x"] * 3)
    made = replace(made, faces=[replace(made.faces[0], weight=0.05), *made.faces[1:]])

    found = by_group(made, calibration)

    assert found["photos_too_poor_for_pairs"] == 1
    assert found["pairs"]["x"]["false_match"]["of"] == 96 - 16
    assert found["pairs"]["x"]["false_non_match"]["of"] == 36 - 6
    assert found["open_set"]["1"]["x"]["strangers_named"]["of"] == 12 * 100


def test_relatives_count_neither_as_two_people_nor_as_strangers(calibration: Calibration) -> None:
    made = people({"a": 0, "b": 0.3, "c": 5, "d": 10}, ["x"] * 4)
    made.related[0, 1] = made.related[1, 0] = True

    found = by_group(made, calibration)

    assert (found["pairs"]["everybody"]["false_match"]["count"], found["pairs"]["x"]["false_match"]["of"]) == (0, 160)
    assert found["open_set"]["3"]["everybody"]["strangers_named"]["share"] == 0


def test_who_is_named_is_what_the_gallery_says(calibration: Calibration) -> None:
    generator = np.random.default_rng(3)
    middles = {f"person {number}": float(place) for number, place in enumerate(generator.uniform(0, 4, 12))}
    made = people(middles, ["x"] * 12, spread=0.12)

    strangers, known = ask(made, calibration, photos=2, draws=4)

    for asked in (strangers, known):
        told = [
            calibration.allows(near, runner_up_distance=next_, evidence=evidence)
            for near, next_, evidence in zip(asked.nearest, asked.runner_up, asked.evidence, strict=True)
        ]
        assert asked.named(calibration).tolist() == told
        assert 0 < sum(told) < len(told), "both answers have to occur"
    assert len(strangers.subject) == 4 * 48
    assert len(known.subject) == 4 * 24
    assert not strangers.right.any()


def test_a_threshold_is_chosen_on_one_half_and_measured_on_the_other() -> None:
    # those of `x` lie close together, so that whoever chooses on y alone lets them match
    middles = {f"x{number}": 0.5 * number for number in range(4)} | {
        f"y{number}": 10.0 * number + 10 for number in range(4)
    }
    made = people(middles, ["x"] * 4 + ["y"] * 4)

    threshold = choose(made, made.members(None))

    assert threshold == pytest.approx(0.35, abs=1e-3)
    assert choose(made, made.members("y")) > FAR
    rates = error_rates(made, measure_all(made, 0.36))
    assert rates["false_match"]["percent"] > 0
    assert rates["worst_group"]["false_match"]["group"] == "x"
    assert rates["worst_group"]["false_match"]["percent"] > rates["false_match"]["percent"]
    assert rates["people"] == 8
    assert error_rates(made, hold_out(made))["worst_group"]["false_match"]["percent"] > 0


def test_halves_hold_as_many_people_of_each_group() -> None:
    made = people({f"p{number:02}": number for number in range(14)}, ["x"] * 5 + ["y"] * 7 + ["z"] * 2)

    for one, other in splits(made):
        assert not (one & other).any() and (one | other).all()
        assert abs(int(one.sum()) - int(other.sum())) <= 1
        for group in "xyz":
            members = made.members(group)
            assert abs(int((one & members).sum()) - int((other & members).sum())) <= 1


def test_tables_tell_every_group(calibration: Calibration) -> None:
    found = by_group(people({"a": 0, "b": 0.3, "c": 5}, ["tight", "tight", "alone"]), calibration)

    told, page = "\n".join(group_lines({"mine": found})), group_page({"mine": found})

    for text in (told, page):
        assert "mine, 12 photos of 3 people" in text
        assert text.index("tight") < text.index("alone") < text.index("everybody")
    assert "| alone | 1 | – |" in page, "one person makes no pair of two"


@pytest.mark.parametrize("content", ["", "[]", '{"Ann": 3}', "\x00"])
def test_groups_that_cannot_be_read_are_refused_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "groups.json").write_text(content)

    with pytest.raises(SystemExit, match="groups.json: ") as refusal:
        read_groups(tmp_path)

    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("content", ["", "{}", '["Ann", "Bea"]', '[["Ann", 3]]'])
def test_relatives_that_cannot_be_read_are_refused_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "families.json").write_text(content)

    with pytest.raises(SystemExit, match="families.json: ") as refusal:
        read_relatives(tmp_path / "families.json")

    assert "\n" not in str(refusal.value)


def test_groups_and_relatives_are_read(tmp_path: Path) -> None:
    assert read_groups(tmp_path) is None
    (tmp_path / "groups.json").write_text(json.dumps({"Ann": "x"}))
    assert read_groups(tmp_path) == {"Ann": "x"}
    assert read_relatives(None), "the project's own material has relatives in it"
