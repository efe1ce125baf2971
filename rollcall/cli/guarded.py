"""How a command ends, whatever happens: one line and an exit code."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from rollcall.cli.leaving import leave
from rollcall.runtime.last_line import tell

NAME = "rollcall"
INTERRUPTED = 130  # 128 and the number of SIGINT, as shells count


def guarded(command: Callable[[], int]) -> int:
    """Run a command; whatever can go wrong for its user ends as one line and an exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    threading.excepthook = _tell_of_thread
    try:
        return command()
    except KeyboardInterrupt:
        leave(INTERRUPTED)
    except BrokenPipeError:
        # whoever read the output has gone; without this Python complains at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - what is left is told, and the command ends
        return tell(NAME, error)


def _tell_of_thread(ended: threading.ExceptHookArgs) -> None:
    if isinstance(ended.exc_value, Exception):
        tell(NAME, ended.exc_value)


def _interrupt(number: int, _frame: object) -> NoReturn:
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.signal(again, signal.SIG_IGN)  # stopping cleanly takes a moment; impatience must not orphan a process
    raise KeyboardInterrupt
