"""Reading the user's JSON lists, with every way in which they can be wrong as one sentence."""

import json
from pathlib import Path
from typing import Any, NoReturn

from local.errors import UsageError

MAX_BYTES = 256 * 1024**2  # 100,000 embeddings as JSON text


def read_json_list(path: Path) -> list[Any]:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UsageError(
                f"{path}: {size // 1024**2} MB, at most {MAX_BYTES // 1024**2} MB are read; split the file"
            )
        content = json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=_refuse_constant)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text ({_reason(error)})") from error
    except RecursionError as error:
        raise UsageError(f"{path}: nested too deeply") from error
    except ValueError as error:
        raise UsageError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(content, list):
        raise UsageError(f"{path}: expected a JSON list, found {type(content).__name__}")
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else error.reason
