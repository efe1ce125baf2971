"""Numbers that a file's header claims, as ffprobe tells them: any of them may be absurd."""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")  # nothing longer is meant
_CLOCK = re.compile(r"([0-9]{1,6}):([0-9]{2}):([0-9]{2}(?:\.[0-9]{1,15})?)")


def seconds(claim: object) -> float:
    """The number; 0 for anything else."""
    text = str(claim)
    return float(text) if _NUMBER.fullmatch(text) else 0.0


def whole(claim: object) -> int:
    """The number; 0 for anything else."""
    return int(seconds(claim))


def ratio(claim: object, separator: str = "/") -> float:
    """The ratio; 0 for anything else."""
    found = fraction(claim, separator)
    return float(found) if found else 0.0


def fraction(claim: object, separator: str = "/") -> Fraction:
    over, _, under = str(claim).partition(separator)
    return Fraction(whole(over), whole(under)) if whole(over) > 0 and whole(under) > 0 else Fraction(0)


def end_of(stream: Mapping[str, Any], container: Mapping[str, Any], *, absolute: bool) -> float:
    """Seconds from the start of the file to the end of a stream; 0 if unknown.

    `absolute`: the container counts its ends from zero, not from where its first stream starts, as Matroska does.
    """
    start = seconds(container.get("start_time"))
    own = seconds(stream.get("duration"))
    if own > 0:
        return late(stream, container) + own
    named = _clock_seconds(stream.get("tags", {}).get("DURATION", ""))  # Matroska keeps a stream's own in a tag
    end = named or max(seconds(container.get("duration")), 0.0)
    return end - start if absolute and end > start > 0 else end


def late(stream: Mapping[str, Any], container: Mapping[str, Any]) -> float:
    """Seconds from the start of the file to the start of a stream."""
    if "start_time" not in stream:
        return 0.0
    return max(0.0, seconds(stream["start_time"]) - seconds(container.get("start_time")))


def _clock_seconds(text: str) -> float:
    found = _CLOCK.fullmatch(text)
    return math.fsum((int(found[1]) * 3600, int(found[2]) * 60, float(found[3]))) if found else 0.0
