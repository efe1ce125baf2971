"""The `rollcall` command, run in the test's own process: a process of its own would take a second to start."""

import io
import os
import signal
import threading
from collections.abc import Mapping
from contextlib import chdir, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from rollcall.cli.main import main


@dataclass(frozen=True)
class Ended:
    returncode: int
    stdout: str
    stderr: str


def run_here(*arguments: str | Path, environment: Mapping[str, str] | None = None, cwd: Path | None = None) -> Ended:
    """`environment`: instead of this process's own, which None leaves as it is."""
    variables = os.environ if environment is None else environment
    with (
        mock.patch.dict(os.environ, dict(variables), clear=True),
        mock.patch.object(signal, "signal"),
        mock.patch.object(threading, "excepthook", threading.excepthook),  # put back afterwards
        nullcontext() if cwd is None else chdir(cwd),
        redirect_stdout(io.StringIO()) as stdout,
        redirect_stderr(io.StringIO()) as stderr,
    ):
        try:
            code = main([*map(str, arguments)])
        except SystemExit as ended:  # argparse has ended it
            assert isinstance(ended.code, int)
            code = ended.code
    return Ended(code, stdout.getvalue(), stderr.getvalue())
