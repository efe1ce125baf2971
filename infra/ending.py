"""How a command of this folder ends: with what went wrong, an exit code, and no traceback."""

import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from rollcall.contracts.errors import RollcallError
from rollcall.runtime.last_line import USAGE_ERROR, tell


def ended(name: str, command: Callable[[], int]) -> int:
    """Runs the command. An error of the settings may have a line for each setting."""
    try:
        return command()
    except RollcallError as error:
        print(error, file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(f"AWS refused: {error}", file=sys.stderr)
    except Exception as error:  # noqa: BLE001 - what is left is told, and the command ends
        return tell(name, error)
    return USAGE_ERROR
