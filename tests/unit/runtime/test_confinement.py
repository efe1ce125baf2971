"""Escapes tried from inside, as the user that runs the tests: root, in CI."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from rollcall.contracts.errors import DecoderLost
from rollcall.media.videos.ffmpeg import Child
from rollcall.runtime.confined import confinement
from tests.unit.runtime import escapes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the locks are Linux's")

PROGRAM = Path(escapes.__file__)
PROJECT = PROGRAM.parents[3]
REACHED = {"done", "result 0, error 0"}
AS_DECODER = """
import fcntl, json, os, resource, sys, threading
from tests.unit.runtime import escapes
from rollcall.media.photos.photo_process import confine, load_codecs
load_codecs()
threads = len(os.listdir("/proc/self/task"))
confine(1_000_000)
os.close(0)
os.write(1, json.dumps(escapes.run(sys.argv[1:]) | {"threads": str(threads)}).encode())
"""


@pytest.fixture
def ports() -> Iterator[list[int]]:
    with ExitStack() as stack:
        listening = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        yield [one.getsockname()[1] for one in listening]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "upload.mp4"
    made.write_bytes(b"content")
    return made


def in_ffmpegs_place(arguments: Sequence[str], *, file: Path, port: int) -> Child:
    command = [sys.executable, "-I", "-S", str(PROGRAM), *arguments]
    return Child(command, seconds=60, cpu_seconds=60, memory=2 * 1024**3, files=[str(file), str(PROGRAM)], port=port)


def in_the_decoders_place(arguments: Sequence[str]) -> dict[str, str]:
    environment = {"PYTHONPATH": str(PROJECT), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", AS_DECODER, *arguments]
    done = subprocess.run(command, capture_output=True, env=environment, cwd="/", check=True, timeout=60)
    outcomes: dict[str, str] = json.loads(done.stdout)
    return outcomes


def require_untouched(file: Path) -> None:
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.read_bytes() == b"content"


def test_ffmpeg_reads_one_file_and_connects_to_one_port(ports: list[int], file: Path) -> None:
    arguments = [*map(str, ports), str(os.getpid()), str(file), str(file.parent)]
    with in_ffmpegs_place(arguments, file=file, port=ports[0]) as running:
        outcomes = json.loads(running.read_all(100_000))
    expected = {"read the file", "connect to the port"}
    if confinement.landlock_version() == 0:
        pytest.skip("this kernel has no Landlock")
    assert {name for name, told in outcomes.items() if told in REACHED} == expected, outcomes
    require_untouched(file)


def test_the_decoder_reads_and_connects_to_nothing(ports: list[int], file: Path) -> None:
    outcomes = in_the_decoders_place([*map(str, ports), str(os.getpid()), str(file), str(file.parent)])
    assert outcomes.pop("threads") == "1"  # Landlock would not hold for others
    assert {name for name, told in outcomes.items() if told in REACHED} == set(), outcomes
    require_untouched(file)


def test_without_landlock_the_decoder_still_reaches_nothing(
    ports: list[int], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "AS_DECODER", WITHOUT_LANDLOCK + AS_DECODER)
    outcomes = in_the_decoders_place([*map(str, ports), str(os.getpid()), str(file), str(file.parent)])
    assert {name for name, told in outcomes.items() if told in REACHED} == set(), outcomes


WITHOUT_LANDLOCK = """
from rollcall.runtime.confined import confinement
confinement.landlock_version = lambda: 0
"""


@pytest.mark.parametrize("path", ["/bin/true", sys.executable, str(Path(sys.executable).resolve())])
def test_ffmpeg_starts_no_program_and_not_itself_again(path: str, file: Path) -> None:
    with in_ffmpegs_place(["exec", path, "--version"], file=file, port=1) as running:
        assert running.read_all(1000) == b""
    assert running.returncode == -31  # SIGSYS: the attempt is its last


def test_a_program_that_is_not_there_is_no_fault_of_the_file(tmp_path: Path) -> None:
    with (
        Child([str(tmp_path / "ffmpeg")], seconds=10, cpu_seconds=10, memory=1024**3) as running,
        pytest.raises(DecoderLost, match="could not be started.*No such file"),
    ):
        running.read_all(10)


@pytest.mark.parametrize(
    ("version", "told"),
    [(0, "ffmpeg can read the files"), (3, "knows no network"), (4, None), (9, None)],
)
def test_what_is_open_is_told(version: int, told: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "landlock_version", lambda: version)
    sentence = confinement.not_confined()
    assert sentence is None if told is None else told in str(sentence)


def test_without_landlock_the_parent_hides_itself() -> None:
    code = "import ctypes\nconfinement.hide_from_children()\nprint(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    command = [sys.executable, "-c", WITHOUT_LANDLOCK + code]
    done = subprocess.run(command, capture_output=True, env={"PYTHONPATH": str(PROJECT)}, check=True, timeout=30)
    assert done.stdout == b"0\n"  # PR_GET_DUMPABLE: its memory and environment are root's
