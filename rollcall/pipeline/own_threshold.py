"""The file that `rollcall calibrate` writes: a threshold for one's own people, and what it rests on."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollcall.contracts.embedder_kinds import EMBEDDERS
from rollcall.pipeline.settings import LEAST_THRESHOLD, MOST_THRESHOLD

_MOST_BYTES = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnThreshold:
    """path: the file that holds the threshold."""

    path: Path
    embedder: str
    threshold: float

    def require(self, embedder: str) -> float:
        """Errors: ValueError where another embedder is in use, whose distances mean something else."""
        if embedder != self.embedder:
            raise ValueError(
                f"{self.path} was measured with the embedder {self.embedder}, and {embedder} is in use; choose the"
                " same one, or calibrate again"
            )
        return self.threshold


def read_own_threshold(path: Path) -> OwnThreshold:
    """Errors: ValueError with one sentence that names the file, for every fault."""
    content = _read(path)
    if not isinstance(content, dict) or not {"embedder", "threshold"} <= content.keys():
        raise ValueError(f"{path} is not a file that `rollcall calibrate` wrote: it has no embedder or no threshold")
    embedder, threshold = content["embedder"], content["threshold"]
    if not isinstance(embedder, str) or embedder not in EMBEDDERS:
        raise ValueError(f"{path}: the embedder is not one of {', '.join(EMBEDDERS)}; calibrate again")
    if not _is_number(threshold) or not LEAST_THRESHOLD <= threshold <= MOST_THRESHOLD:
        raise ValueError(
            f"{path}: the threshold is not a number from {LEAST_THRESHOLD:g} to {MOST_THRESHOLD:g}; calibrate again"
        )
    return OwnThreshold(path=path, embedder=embedder, threshold=float(threshold))


def _read(path: Path) -> Any:
    try:
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is not a file")  # a pipe would block
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{path} is too large to be a file that `rollcall calibrate` wrote")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a file that `rollcall calibrate` wrote: it is not text") from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{path} is not a file that `rollcall calibrate` wrote: it is not JSON") from None


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False
