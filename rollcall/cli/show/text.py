"""Times, records and other people's names as text for a reader."""

import json
from typing import Any

from rollcall.contracts.shown_text import printable
from rollcall.results.result import Appearance

SECONDS_PER_MINUTE = 60
MAX_RECORD_CHARACTERS = 200


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), SECONDS_PER_MINUTE)
    hours, minutes = divmod(int(minutes), SECONDS_PER_MINUTE)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def seconds_seen(appearance: Appearance) -> float:
    return sum(segment.end - segment.start for segment in appearance.segments)


def record_line(record: dict[str, Any] | None) -> str:
    fields = (
        [] if record is None else [f"{field}: {_plain(value)}" for field, value in record.items() if field != "name"]
    )
    line = printable(", ".join(fields))
    return line if len(line) <= MAX_RECORD_CHARACTERS else line[: MAX_RECORD_CHARACTERS - 1] + "…"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
