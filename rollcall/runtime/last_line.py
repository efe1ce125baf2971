"""The last line of a command, server or worker that an error ends: what happened, and no traceback."""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rollcall.contracts.errors import RollcallError
from rollcall.contracts.shown_text import printable
from rollcall.contracts.usage_error import UsageError

if TYPE_CHECKING:
    from pydantic import ValidationError

FAILED = 1
USAGE_ERROR = 2
WHOLE = "ROLLCALL_TRACEBACK"  # a variable: if it is set, where the error came from is printed as well


def ending_with_a_line(name: str, main: Callable[[], int]) -> int:
    """Runs `main` and returns its exit code; an error becomes a line on standard error and an exit code."""
    try:
        return main()
    except Exception as error:  # noqa: BLE001 - nothing is left that could do more about it
        return tell(name, error)


def tell(name: str, error: Exception) -> int:
    """Prints the line; returns the exit code."""
    if os.environ.get(WHOLE):
        traceback.print_exception(error)
    say(name, line_of(error))
    return USAGE_ERROR if _is_the_users(error) else FAILED


def say(name: str, message: str) -> None:
    print(f"{name}: {printable(' '.join(message.split()))}", file=sys.stderr, flush=True)


def line_of(error: Exception) -> str:
    if isinstance(error, RollcallError) and str(error):
        return str(error)
    if isinstance(error, OSError):  # whatever the system refuses: a full disk, a file that is gone
        return f"{error.filename or 'the system refuses'}: {error.strerror or error}"
    if _is_of(error, "pydantic_core", "ValidationError"):
        return _invalid(error)  # type: ignore[arg-type]
    if any(kind.__module__ in {"botocore.exceptions", "boto3.exceptions"} for kind in type(error).__mro__):
        return f"AWS: {error}"
    return f"a fault in Rollcall, please report it ({_where(error)}); {WHOLE}=1 shows more"


def _is_the_users(error: Exception) -> bool:
    return isinstance(error, UsageError) or _is_of(error, "pydantic_core", "ValidationError")


def _is_of(error: Exception, package: str, name: str) -> bool:
    """Asks by name: importing pydantic takes longer than most commands, and whoever raised its error has done so."""
    return any(kind.__name__ == name and kind.__module__.startswith(package) for kind in type(error).__mro__)


def _invalid(error: "ValidationError") -> str:
    """Names what is wrong, and not the values: a whole environment is among them, with its secrets."""
    wrong = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or error.title}: {each['msg']}" for each in wrong)


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{f': {error}' if str(error) else ''}{place}"
