"""Wherever a detector is chosen, it is one of the table."""

import pytest
from pydantic import ValidationError

from rollcall.api.api_environment import Environment as ApiEnvironment
from rollcall.cli.parser import build_parser
from rollcall.contracts.detector_names import DEFAULT_DETECTOR, DETECTOR_FILES, detector_files
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from rollcall.stages.recognize_environment import Environment as RecognitionEnvironment
from tests.unit.contracts.test_embedder_kinds import COMMANDS, ENVIRONMENT


def test_an_unknown_detector_has_no_files():
    with pytest.raises(ValueError, match="no detector is named 'haar'; there are yunet, mtcnn"):
        detector_files("haar")


@pytest.mark.parametrize("environment", [RecognitionEnvironment, ApiEnvironment])
def test_the_functions_take_the_name_from_their_environment_and_refuse_another(
    environment: type[RecognitionEnvironment] | type[ApiEnvironment],
):
    assert environment.model_validate(ENVIRONMENT).detector == DEFAULT_DETECTOR
    assert environment.model_validate(ENVIRONMENT | {"ROLLCALL_DETECTOR": "mtcnn"}).detector == "mtcnn"
    with pytest.raises(ValidationError, match=r"ROLLCALL_DETECTOR\n.*'yunet' or 'mtcnn'"):
        environment.model_validate(ENVIRONMENT | {"ROLLCALL_DETECTOR": "haar"})


@pytest.mark.parametrize("name", DETECTOR_FILES)
def test_the_pipeline_tells_whoever_reads_faces(name):
    pipeline = describe(Settings(detector=name, api="lambda"))
    functions = {function.component: function for function in pipeline.functions}

    assert functions["face_recognition"].environment["ROLLCALL_DETECTOR"] == name
    assert pipeline.api is not None and pipeline.api.environment["ROLLCALL_DETECTOR"] == name


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_take_it_as_option_or_from_the_environment(monkeypatch, command):
    monkeypatch.delenv("ROLLCALL_DETECTOR", raising=False)
    assert build_parser().parse_args(command).detector == DEFAULT_DETECTOR
    assert build_parser().parse_args([*command, "--detector", "mtcnn"]).detector == "mtcnn"
    monkeypatch.setenv("ROLLCALL_DETECTOR", "mtcnn")
    assert build_parser().parse_args(command).detector == "mtcnn"


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_one_is_refused_by_name(monkeypatch, capsys, command):
    monkeypatch.setenv("ROLLCALL_DETECTOR", "haar")

    with pytest.raises(SystemExit) as refused:
        build_parser().parse_args(command)

    assert refused.value.code == 2
    assert "'haar' is no detector; there are yunet and mtcnn" in capsys.readouterr().err
