"""The file of `rollcall calibrate`: what takes it, and what is said of one that cannot be used."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rollcall.cli.parser import build_parser
from rollcall.cli.session import settings_from
from rollcall.contracts.usage_error import UsageError
from rollcall.pipeline.deployment_errors import BadSettings
from rollcall.pipeline.deployment_settings import Deployment
from rollcall.pipeline.description import describe
from rollcall.pipeline.own_threshold import read_own_threshold

GOOD = {"embedder": "fused", "threshold": 1.1}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(GOOD))
    return path


def thresholds(settings: Any) -> set[str | None]:
    return {
        function.environment.get("THRESHOLD")
        for function in settings.functions
        if function.component in {"lookup", "api"}
    }


@pytest.mark.parametrize("command", [["run", "clip.mp4", "--gallery", "people", "--out", "out"], ["up"]])
def test_commands_hand_its_threshold_on(file: Path, command: list[str]) -> None:
    options = build_parser().parse_args([*command, "--calibration", str(file)])

    assert thresholds(describe(settings_from(options))) == {"1.1"}


def test_a_deployment_hands_its_threshold_on(file: Path) -> None:
    settings = Deployment.from_context({"prefix": "acme", "calibration": str(file)})

    assert settings.own_threshold == 1.1
    assert Deployment.from_context({"prefix": "acme", "threshold": "1.2"}).own_threshold == 1.2
    assert Deployment.from_context({"prefix": "acme"}).own_threshold is None


def test_a_file_of_another_embedder_is_refused(file: Path) -> None:
    options = build_parser().parse_args(["up", "--embedder", "sface", "--calibration", str(file)])

    with pytest.raises(UsageError, match="measured with the embedder fused, and sface is in use"):
        settings_from(options)
    with pytest.raises(BadSettings, match="calibration: .* measured with the embedder fused, and sface is in use"):
        Deployment.from_context({"prefix": "acme", "embedder": "sface", "calibration": str(file)})


def test_two_thresholds_are_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["up", "--threshold", "1", "--calibration", str(file)])
    assert "not allowed with" in capsys.readouterr().err
    with pytest.raises(BadSettings, match="threshold and calibration both give a threshold"):
        Deployment.from_context({"prefix": "acme", "threshold": "1", "calibration": str(file)})


BROKEN = {
    "empty": b"",
    "no JSON": b"threshold: 1.1",
    "no text": b"\xff\xfe\x00\x01",
    "a list": b"[1.1]",
    "no threshold": b'{"embedder": "fused"}',
    "no embedder": b'{"threshold": 1.1}',
    "an unknown embedder": b'{"embedder": "arcface", "threshold": 1.1}',
    "an embedder that is a list": b'{"embedder": ["fused"], "threshold": 1.1}',
    "text for a number": b'{"embedder": "fused", "threshold": "1.1"}',
    "truth for a number": b'{"embedder": "fused", "threshold": true}',
    "no number": b'{"embedder": "fused", "threshold": NaN}',
    "infinity": b'{"embedder": "fused", "threshold": Infinity}',
    "too small": b'{"embedder": "fused", "threshold": 0.01}',
    "too large": b'{"embedder": "fused", "threshold": 2}',
    "thousands of digits": b'{"embedder": "fused", "threshold": ' + b"9" * 5000 + b"}",
    "hundreds of digits": b'{"embedder": "fused", "threshold": ' + b"9" * 400 + b"}",
    "nested deeply": b"[" * 100_000,
    "large": b" " * 1024**2 + b"{}",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_in_one_line_that_names_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(content)

    with pytest.raises(ValueError, match="mine.json") as refusal:
        read_own_threshold(path)

    assert "\n" not in str(refusal.value)
    with pytest.raises(BadSettings, match="mine.json"):
        Deployment.from_context({"prefix": "acme", "calibration": str(path)})


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, os.mkfifo], ids=["missing", "a folder", "a pipe"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Any) -> None:
    path = tmp_path / "mine.json"
    make(path)

    with pytest.raises(SystemExit) as refusal:
        build_parser().parse_args(["faces", "photo.jpg", "--calibration", str(path)])

    told = capsys.readouterr().err
    assert refusal.value.code == 2
    assert "--calibration" in told and "mine.json" in told and told.count("\n") == 1
