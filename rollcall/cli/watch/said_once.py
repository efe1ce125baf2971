"""Lines about files, each said once, and few of those that are alike."""

from collections import Counter
from collections.abc import Callable

from rollcall.contracts.shown_text import printable
from rollcall.media.folders import LeftOut

ALIKE = 3  # in one folder, for one reason


class SaidOnce:
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: dict[str, str] = {}  # reasons by path
        self._alike: Counter[tuple[str, str]] = Counter()

    def tell(self, entry: LeftOut) -> None:
        path = str(entry.path)
        if self._said.get(path) == entry.reason:
            return
        self._said[path] = entry.reason
        folder = str(entry.path.parent)
        self._alike[folder, entry.reason] += 1
        count = self._alike[folder, entry.reason]
        if count <= ALIKE:
            self._say(str(entry))
        elif count == ALIKE + 1:
            self._say(f"failed, as others in {printable(folder)} from here on: {printable(entry.reason)}")

    def well(self, path: object) -> None:
        """Nothing keeps this one any more: should it be kept again, that is said again."""
        if self._said and (reason := self._said.pop(str(path), None)) is not None:
            self._alike.pop((str(path).rpartition("/")[0], reason), None)
