"""The `rollcall` command, from what was typed to the exit code; the work is in `rollcall/cli/commands/`."""

import importlib
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from rollcall.cli.leaving import leave
from rollcall.cli.parser import USAGE_ERROR, build_parser
from rollcall.contracts.shown_text import printable
from rollcall.contracts.usage_error import UsageError

INTERRUPTED = 130  # 128 and the number of SIGINT, as shells count


def main(arguments: Sequence[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files are any bytes, a terminal is not
    options = build_parser().parse_args(arguments)
    return guarded(lambda: int(importlib.import_module(f"rollcall.cli.commands.{options.command}").execute(options)))


def guarded(command: Callable[[], int]) -> int:
    """Run a command; whatever can go wrong for its user ends as one line and an exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        return command()
    except UsageError as error:
        return _fail(str(error), USAGE_ERROR)
    except KeyboardInterrupt:
        leave(INTERRUPTED)
    except BrokenPipeError:
        # whoever read the output has gone; without this Python complains at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # whatever the system refuses: a full disk, a file that is gone
        return _fail(f"{error.filename or 'the system refuses'}: {error.strerror or error}", 1)
    except Exception as error:
        if isinstance(error, _expected_failures()):
            return _fail(str(error), 1)
        raise


def _expected_failures() -> tuple[type[Exception], ...]:
    from rollcall.contracts.errors import RollcallError  # noqa: PLC0415
    from rollcall.weights.build_errors import ModelBuildError  # noqa: PLC0415

    return RollcallError, ModelBuildError


def _interrupt(number: int, _frame: object) -> NoReturn:
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.signal(again, signal.SIG_IGN)  # stopping cleanly takes a moment; impatience must not orphan a process
    raise KeyboardInterrupt


def _fail(message: str, code: int) -> int:
    print(f"rollcall: {printable(' '.join(message.split()))}", file=sys.stderr)
    return code
