"""Wherever an embedder is chosen, it is one of the table, and brings its own numbers."""

import math
import subprocess
import sys

import pytest
from pydantic import ValidationError

from rollcall.api.api_environment import Environment as ApiEnvironment
from rollcall.cli.parser import build_parser
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER, EMBEDDERS
from rollcall.people.calibration import load_calibration
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from rollcall.stages.recognize_environment import Environment as RecognitionEnvironment

ENVIRONMENT = {
    "ATTEMPTS": "3",
    "ATTEMPTS_TABLE": "attempts",
    "DEAD_LETTERS": "dead-letters",
    "JOBS_TABLE": "jobs",
    "PEOPLE_TABLE": "people",
    "FACES_TABLE": "faces",
    "LOOKUP_QUEUE": "lookup",
    "INPUT_BUCKET": "input",
    "OUTPUT_BUCKET": "output",
    "RESULTS_QUEUE": "results",
    "EVENT_BUS": "default",
    "MIN_FACE": "40",
    "ROLLCALL_MODEL_DIR": "models",
}


@pytest.mark.parametrize("name", EMBEDDERS)
def test_each_has_a_calibration_in_which_one_thing_follows_from_the_other(name):
    calibration = load_calibration(name)

    assert calibration.follow_distance <= calibration.link_distance < calibration.threshold
    assert calibration.thin_threshold < calibration.threshold < calibration.even_distance
    assert calibration.similarity(calibration.threshold) == pytest.approx(50, abs=1)
    assert calibration.similarity(0) > 99
    assert calibration.provenance


@pytest.mark.parametrize("name", ["fused", "sface", "dlib-resnet"])
def test_error_rates_are_those_of_the_shipped_threshold(name):
    shipped = load_calibration(name)
    rates = shipped.error_rates
    assert rates is not None and rates.worst_group is not None and rates.people is not None
    worst = rates.worst_group
    for rate in (rates.false_match, rates.false_non_match, worst.false_match, worst.false_non_match):
        low, high = rate.interval
        assert 0 <= low <= rate.percent <= high <= 100
    assert worst.false_match.percent >= rates.false_match.percent
    assert worst.false_non_match.percent >= rates.false_non_match.percent
    assert worst.false_match.group and worst.false_non_match.group
    assert load_calibration(name, threshold=shipped.threshold) == shipped
    assert load_calibration(name, threshold=0.5).error_rates is None


def test_no_group_of_the_default_embedder_is_taken_for_another_more_often_than_one_in_200():
    rates = load_calibration(DEFAULT_EMBEDDER).error_rates

    assert rates is not None and rates.worst_group is not None
    assert rates.worst_group.false_match.percent <= 0.5


def test_what_was_not_measured_says_so():
    calibration = load_calibration("facenet")

    assert calibration.error_rates is None
    assert calibration.provenance.startswith("not measured here")
    # the published figures are of squared distances
    assert calibration.even_distance == pytest.approx(math.sqrt(1.242), abs=1e-3)
    assert calibration.threshold < math.sqrt(1.1)


@pytest.mark.parametrize("environment", [RecognitionEnvironment, ApiEnvironment])
def test_the_functions_take_the_name_from_their_environment_and_refuse_another(
    environment: type[RecognitionEnvironment] | type[ApiEnvironment],
):
    assert environment.model_validate(ENVIRONMENT).embedder == "fused"
    assert environment.model_validate(ENVIRONMENT | {"ROLLCALL_EMBEDDER": "facenet"}).embedder == "facenet"
    with pytest.raises(ValidationError, match=r"ROLLCALL_EMBEDDER\n.*'fused', 'dlib-resnet', 'sface' or 'facenet'"):
        environment.model_validate(ENVIRONMENT | {"ROLLCALL_EMBEDDER": "arcface"})


@pytest.mark.parametrize("name", EMBEDDERS)
def test_the_pipeline_tells_the_function_that_reads_faces(name):
    functions = {function.component: function for function in describe(Settings(embedder=name)).functions}

    assert functions["face_recognition"].environment["ROLLCALL_EMBEDDER"] == name


COMMANDS = [
    ["run", "clip.mp4", "--gallery", "people", "--out", "out"],
    ["up"],
    ["faces", "photo.jpg"],
    ["enroll", "people"],
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_take_it_as_option_or_from_the_environment(monkeypatch, command):
    monkeypatch.delenv("ROLLCALL_EMBEDDER", raising=False)
    assert build_parser().parse_args(command).embedder == "fused"
    assert build_parser().parse_args([*command, "--embedder", "facenet"]).embedder == "facenet"
    monkeypatch.setenv("ROLLCALL_EMBEDDER", "facenet")
    assert build_parser().parse_args(command).embedder == "facenet"
    assert build_parser().parse_args([*command, "--embedder", "dlib-resnet"]).embedder == "dlib-resnet"


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_one_is_refused_by_name(monkeypatch, capsys, command):
    monkeypatch.setenv("ROLLCALL_EMBEDDER", "arcface")

    with pytest.raises(SystemExit) as refused:
        build_parser().parse_args(command)

    assert refused.value.code == 2
    assert "'arcface' is no embedder; there are fused, dlib-resnet, sface and facenet" in capsys.readouterr().err


def test_the_settings_of_a_deployment_need_no_numpy():
    """The CDK app has an environment of its own, without what recognizes faces."""
    blocked = "import sys; sys.modules.update(numpy=None, cv2=None, openvino=None)"
    blocked += "; import rollcall.pipeline.deployment_settings"

    subprocess.run([sys.executable, "-c", blocked], check=True, timeout=60)
