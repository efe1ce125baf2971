"""A setting has one default and one pair of bounds, wherever it is given."""

import dataclasses
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from rollcall.api.api_environment import Environment as ApiEnvironment
from rollcall.cli.parser import build_parser
from rollcall.contracts.packs import MAX_PACKS
from rollcall.pipeline import settings as pipeline_settings
from rollcall.pipeline.deployment_errors import BadSettings
from rollcall.pipeline.deployment_settings import Deployment
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import (
    FRAMES_PER_SECOND,
    LEAST_THRESHOLD,
    MAX_BYTES,
    MAX_CONCURRENCY,
    MAX_DURATION,
    MAX_RECOGNITIONS,
    MAX_STORED_BYTES,
    MIN_FACE,
    MOST_THRESHOLD,
    PHOTO_MIN_FACE,
    RANGE_SECONDS,
    Number,
    Settings,
)
from rollcall.stages.lookup_environment import Environment as LookupEnvironment
from rollcall.stages.recognize_environment import Environment as RecognizeEnvironment
from rollcall.stages.split_environment import Environment as SplitEnvironment

NUMBERS: list[Number[Any]] = [value for value in vars(pipeline_settings).values() if isinstance(value, Number)]
RUN_PAGE = Path(__file__).resolve().parents[3] / "docs" / "run.md"
RUN = ("run", "a.mp4", "--gallery", "g", "--out", "o")
OPTIONS: list[tuple[tuple[str, ...], str, Number[Any]]] = [
    (RUN, "--fps", FRAMES_PER_SECOND),
    (RUN, "--min-face", MIN_FACE),
    (RUN, "--max-duration", MAX_DURATION),
    (RUN, "--max-bytes", MAX_BYTES),
    (("faces", "a.jpg"), "--min-face", PHOTO_MIN_FACE),
]
CONTEXT: list[Number[Any]] = [
    FRAMES_PER_SECOND,
    MIN_FACE,
    MAX_DURATION,
    MAX_BYTES,
    MAX_STORED_BYTES,
    MAX_RECOGNITIONS,
    MAX_CONCURRENCY,
]
VARIABLES: list[tuple[type[BaseModel], Number[Any]]] = [
    (SplitEnvironment, FRAMES_PER_SECOND),
    (SplitEnvironment, MAX_DURATION),
    (SplitEnvironment, MAX_BYTES),
    (SplitEnvironment, MAX_STORED_BYTES),
    (SplitEnvironment, MAX_RECOGNITIONS),
    (SplitEnvironment, RANGE_SECONDS),
    (RecognizeEnvironment, MIN_FACE),
    (ApiEnvironment, PHOTO_MIN_FACE),
]


def within(number: Number[Any]) -> list[str]:
    return [plain(number.least), plain(number.default), plain(number.most)]


def beyond(number: Number[Any]) -> list[str]:
    step = 1 if isinstance(number.default, int) else 0.01
    return [plain(number.least - step), plain(number.most + step)]


def plain(value: float) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def environment() -> dict[str, str]:
    """The variables that the description gives functions and the API."""
    pipeline = describe(Settings(api="container"))
    assert pipeline.api is not None
    given = pipeline.api.environment
    for function in pipeline.functions:
        given = given | function.environment
    return given | {"ROLLCALL_MODEL_DIR": "models"}


def refused(model: type[BaseModel], variable: str, value: str) -> bool:
    try:
        model.model_validate(environment() | {variable: value})
    except ValidationError as invalid:
        return [error["loc"] for error in invalid.errors()] == [(variable,)]
    return False


def test_each_default_is_within_its_bounds() -> None:
    assert len(NUMBERS) > 5
    assert all(number.least <= number.default <= number.most for number in NUMBERS)


@pytest.mark.parametrize(("command", "option", "number"), OPTIONS, ids=lambda value: str(getattr(value, "name", "")))
def test_an_option_has_them(command: tuple[str, ...], option: str, number: Number[Any]) -> None:
    parser = build_parser()
    assert getattr(parser.parse_args(command), number.name) == number.default
    for value in within(number):
        assert getattr(parser.parse_args([*command, option, value]), number.name) == float(value)
    for value in beyond(number):
        with pytest.raises(SystemExit):
            parser.parse_args([*command, option, value])


@pytest.mark.parametrize("number", CONTEXT, ids=lambda number: number.name)
def test_a_deployment_has_them(number: Number[Any]) -> None:
    assert getattr(Deployment.from_context({}), number.name) == number.default
    for value in within(number):
        described = Deployment.from_context({number.name: value}).describe(default_prefix="t")
        assert described.prefix == "t"
    for value in beyond(number):
        with pytest.raises(BadSettings, match=number.name):
            Deployment.from_context({number.name: value})


@pytest.mark.parametrize(("model", "number"), VARIABLES, ids=lambda value: str(getattr(value, "name", "")))
def test_an_environment_has_them(model: type[BaseModel], number: Number[Any]) -> None:
    assert not any(refused(model, number.variable, value) for value in within(number))
    assert all(refused(model, number.variable, value) for value in beyond(number))


@pytest.mark.parametrize("model", [LookupEnvironment, ApiEnvironment], ids=["lookup", "api"])
def test_a_threshold_has_the_same_bounds_everywhere(model: type[BaseModel]) -> None:
    low, high = LEAST_THRESHOLD, MOST_THRESHOLD
    for value in (low - 0.01, high + 0.01):
        assert refused(model, "THRESHOLD", plain(value))
        with pytest.raises(BadSettings, match="threshold"):
            Deployment.from_context({"threshold": plain(value)})
        with pytest.raises(SystemExit):
            build_parser().parse_args([*RUN, "--threshold", plain(value)])
    for value in (low, high):
        assert not refused(model, "THRESHOLD", plain(value))
        assert Deployment.from_context({"threshold": plain(value)}).own_threshold == value
        assert build_parser().parse_args([*RUN, "--threshold", plain(value)]).threshold == value


def test_what_an_operator_chooses_reaches_the_functions() -> None:
    changed = {number.name: number.default + 1 for number in CONTEXT}
    described = Deployment.from_context(changed).describe(default_prefix="t")
    given: dict[str, str] = {}
    for function in described.functions:
        given |= function.environment
        assert function.max_concurrency == changed["max_concurrency"]
    for number in CONTEXT:
        if number is not MAX_CONCURRENCY:
            assert float(given[number.variable]) == changed[number.name]


def test_the_widest_settings_have_pack_numbers_enough() -> None:
    widest = {number.variable: plain(number.most) for number in (FRAMES_PER_SECOND, MAX_DURATION)}
    settings = environment() | widest | {RANGE_SECONDS.variable: plain(RANGE_SECONDS.least)}
    assert SplitEnvironment.model_validate(settings).division.most_packs <= MAX_PACKS


@pytest.mark.parametrize(("option", "number"), [(option, number) for command, option, number in OPTIONS[:4]])
def test_the_page_of_options_has_the_defaults(option: str, number: Number[Any]) -> None:
    rows = [line for line in RUN_PAGE.read_text().splitlines() if line.startswith(f"| `{option}`")]
    assert len(rows) == 1 and f"| {plain(number.default)} |" in rows[0]


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_settings_are_read_without_anything_heavy() -> None:
    """The CDK app has an environment of its own, without NumPy, boto3 or the code of the stages."""
    code = "import sys, rollcall.pipeline.deployment_settings; print(*sys.modules)"
    loaded = set(run(code).split())
    assert "rollcall.pipeline.settings" in loaded
    assert not loaded & {"numpy", "cv2", "boto3", "botocore", "aws_lambda_powertools", "rollcall.runtime"}
    assert {name.split(".")[1] for name in loaded if name.startswith("rollcall.")} <= {"pipeline", "contracts"}


def test_the_parser_needs_no_pydantic() -> None:
    code = "import sys, rollcall.cli.parser; print('pydantic' in sys.modules)"
    assert run(code) == "False\n"


def test_every_number_is_a_field_of_the_settings() -> None:
    fields = {field.name for field in dataclasses.fields(Settings)}
    assert {number.name for number in NUMBERS} <= fields
    assert all(math.isfinite(number.most) for number in NUMBERS)
