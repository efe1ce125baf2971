"""The command as a user runs it: its exit code, and what it says. A few tests run it as a process of its own."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from rollcall.cli.parser import build_parser
from rollcall.cli.session import settings_from
from rollcall.pipeline.description import describe
from tests.commands import run_here

GALLERY_ENTRY = {"name": "Ann", "embedding": [0.1] * 128}


def rollcall(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rollcall", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    path = tmp_path / "gallery.json"
    path.write_text(json.dumps([GALLERY_ENTRY]))
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"not looked at before the gallery is")
    return path


@pytest.mark.parametrize(
    "command",
    ["run", "up", "faces", "calibrate", "people", "people load", "people list", "people remove"]
    + ["enroll", "submit", "status", "results", "redrive", "keys", "keys create", "keys list", "keys revoke"],
)
def test_each_command_has_help_with_an_example(command: str) -> None:
    answer = run_here(*command.split(), "--help")

    assert answer.returncode == 0
    assert f"example: rollcall {command}" in " ".join(answer.stdout.split())


def test_the_version_is_that_of_the_distribution(tmp_path: Path) -> None:
    answer = rollcall("--version", cwd=tmp_path)

    assert (answer.returncode, answer.stdout) == (0, f"rollcall {version('rollcall')}\n")


@pytest.mark.parametrize(
    ("arguments", "limits"),
    [
        ([], {"MAX_DURATION": "21600", "MAX_BYTES": "10737418240", "TRACKS": "longest"}),
        (["--tracks", "all"], {"TRACKS": "all"}),
        (
            ["--max-duration", "43200", "--max-bytes", "5497558138880"],
            {"MAX_DURATION": "43200", "MAX_BYTES": "5497558138880"},
        ),
    ],
)
@pytest.mark.parametrize("command", [["up"], ["run", "clip.mp4", "--gallery", "g", "--out", "o"]])
def test_the_limits_of_an_upload_reach_the_function_that_reads_it(
    command: list[str], arguments: list[str], limits: dict[str, str]
) -> None:
    options = build_parser().parse_args([*command, *arguments])

    (split, *_) = describe(settings_from(options)).functions
    assert {name: split.environment[name] for name in limits} == limits


def test_help_does_not_load_what_only_the_work_needs(tmp_path: Path) -> None:
    script = (
        "import sys; from rollcall.cli.main import build_parser; build_parser().format_help();"
        "print([name for name in ('boto3', 'cv2', 'numpy', 'openvino', 'pydantic', 'rich') if name in sys.modules])"
    )

    answer = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "COMMAND"),
        (["dance"], "dance"),
        (["run"], "MEDIA"),
        (["run", "clip.mp4"], "--gallery"),
        (["run", "clip.mp4", "--gallery", "gallery.json"], "--out"),
        (
            ["run", "clip.mp4", "--gallery", "gallery.json", "--out", "o", "--fps", "0"],
            "--fps: 0 is not from 0.1 to 30",
        ),
        (["run", "clip.mp4", "--gallery", "gallery.json", "--out", "o", "--fps", "fast"], "'fast' is not a number"),
        (["run", "clip.mp4", "--gallery", "gallery.json", "--out", "o", "--fps", "nan"], "'nan' is not a number"),
        (["run", "clip.mp4", "--gallery", "gallery.json", "--out", "o", "--min-face", "1"], "from 12 to 1000"),
        (["run", "clip.mp4", "--gallery", "gallery.json", "--out", "o", "--threshold", "9"], "from 0.1 to 1.5"),
        (["run", "clip.mp4", "--gallery", "gallery.json", "--out", "o", "--max-concurrency", "0"], "from 1 to 100"),
        (["run", "clip.mp4", "--gallery", "gallery.json", "--out", "o", "--max-duration", "0"], "from 1 to 43200"),
        (["up", "--max-bytes", "10G"], "--max-bytes: '10G' is not a whole number"),
        (["run", "clip.mp4", "--gallery", "gallery.json", "--out", "o", "--port", "70000"], "from 0 to 65535"),
        (["run", "clip.mp4", "--gallery", "gallery.json", "--out", "o", "--prefix", "Up_per"], "'Up_per'"),
        (["run", "gone.mp4", "--gallery", "gallery.json", "--out", "o"], "gone.mp4: no such file"),
        (["run", "empty", "--gallery", "gallery.json", "--out", "o"], "empty: no video or photo"),
        (["run", "clip.mp4", "--gallery", "gone", "--out", "o"], "gone"),
        (["run", "clip.mp4", "--gallery", "empty", "--out", "o"], "nobody in it"),
        (["run", "clip.mp4", "--gallery", "broken.json", "--out", "o"], "broken.json: not valid JSON"),
        (["run", "clip.mp4", "--gallery", "gallery.json", "--people", "broken.json", "--out", "o"], "broken.json"),
        (["run", "clip.mp4", "--gallery", "gallery.json", "--people", "gone.json", "--out", "o"], "gone.json"),
        (["run", "clip.mp4", "--gallery", "gallery.json", "--out", "clip.mp4"], "not a folder"),
        (["run", "clip.mp4", "--gallery", "gallery.json", "--out", "."], "clip.mp4 is a file"),
        (["up", "--gallery", "gone"], "gone"),
        (["up", "--api-port", "x"], "--api-port"),
        (["people"], "ACTION"),
        (["people", "load"], "FILE"),
        (["people", "load", "broken.json"], "broken.json: not valid JSON"),
        (["people", "remove"], "NAME"),
        (["calibrate"], "PHOTOS"),
        (["enroll"], "GALLERY"),
        (["submit"], "MEDIA"),
        (["submit", "gone.mp4"], "gone.mp4: no such file"),
        (["results", "clip.mp4"], "--out"),
        (["status", "--prefix", "Up_per"], "'Up_per'"),
        (["status", "--prefix", "acme", "--stack", "acme"], "not allowed with"),
        (["redrive", "--queue", "letters"], "'letters'"),
        (["faces"], "IMAGE"),
        (["faces", "gone.jpg"], "gone.jpg: no such file"),
        (["faces", "clip.mp4", "--gallery", "broken.json"], "broken.json"),
    ],
)
@pytest.mark.usefixtures("gallery", "clip")
def test_what_is_used_wrongly_gets_one_line_and_code_2(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.json").write_text("{")

    answer = run_here(*arguments, cwd=tmp_path)

    assert (answer.returncode, answer.stdout) == (2, "")
    (line,) = answer.stderr.splitlines()
    assert complaint in line
    assert line.startswith("rollcall")


def test_the_prefix_of_the_environment_is_checked_too(tmp_path: Path, gallery: Path, clip: Path) -> None:
    answer = rollcall("up", cwd=tmp_path, ROLLCALL_PREFIX="no spaces please")

    assert answer.returncode == 2
    assert "'no spaces please' is not a prefix" in answer.stderr


def test_nothing_is_written_when_the_gallery_is_refused(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "gallery.json").write_text("[]")

    answer = rollcall("run", clip, "--gallery", tmp_path / "gallery.json", "--out", tmp_path / "out", cwd=tmp_path)

    assert answer.returncode == 2
    assert not (tmp_path / "out" / "report.html").exists()
