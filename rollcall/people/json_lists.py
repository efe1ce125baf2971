"""Reads the user's JSON lists, with a sentence for everything that can be wrong with them."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from rollcall.contracts.bounds import beside
from rollcall.contracts.usage_error import UsageError
from rollcall.media.folders import reason_of, why_unreadable

MAX_BYTES = 256 * 1024**2  # 100,000 embeddings as JSON text
MAX_DIGITS = 400  # of a number; no float and no number of DynamoDB has more


class NoList(UsageError):
    """Valid JSON, but not a list."""


def read_json_list(path: Path) -> list[Any]:
    """Raises UsageError, or NoList, with the path and what is wrong."""
    unreadable = why_unreadable(path)
    if unreadable is not None:
        raise UsageError(f"{path}: {unreadable}")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            most = MAX_BYTES / 1024**2
            raise UsageError(f"{path}: {beside(size / 1024**2, most)} MB, at most {most:g} MB are read; split the file")
        content = _parse(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path}: {reason_of(error)}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text ({error.reason}); save it as UTF-8") from error
    except RecursionError as error:
        raise UsageError(f"{path}: nested too deeply; use fewer levels") from error
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}: not valid JSON: {error}") from error
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error
    if not isinstance(content, list):
        raise NoList(f"{path}: expected a JSON list, found {type(content).__name__}")
    return content


def _parse(text: str) -> Any:
    if "\0" in text[:4]:
        raise ValueError("holds zero bytes, as text in UTF-16 or UTF-32 does; save it as UTF-8")
    return json.loads(
        text,
        parse_constant=_refuse_constant,
        parse_int=_parse_int,
        parse_float=_parse_float,
        object_pairs_hook=_without_repetition,
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _parse_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"{digits[:20]}… is a number of {len(digits)} digits; write it as text")
    return int(digits)


def _parse_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:20]} is larger than any number that can be stored; write it as text")
    return number


def _without_repetition(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(fields)
    if len(content) < len(fields):
        times = Counter(name for name, _ in fields)
        twice = next(name for name, count in times.items() if count > 1)
        raise ValueError(f"the field {twice[:100]!r} is there twice in one object; keep one of them")
    return content
