"""The gallery and the records in memory, for a few seconds at a time."""

import threading
import time
from collections.abc import Callable, Iterable

from rollcall.people.calibration import Calibration
from rollcall.people.gallery import Gallery
from rollcall.people.gallery_store import GalleryStore
from rollcall.people.people_store import PeopleStore, Record

SHARE_OF_TIME = (
    10  # a gallery that takes a second to read is read every ten: reading must stay a small part of the work
)


class GalleryCache:
    """May be asked from any thread. The gallery is never older than `seconds`, or than ten readings take."""

    def __init__(
        self,
        store: GalleryStore,
        *,
        embedder: str,
        calibration: Calibration,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._calibration = calibration
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._gallery: Gallery | None = None
        self._expires = 0.0

    def get(self) -> Gallery:
        with self._lock:
            if self._gallery is None or self._clock() >= self._expires:
                self._read()
            assert self._gallery is not None
            return self._gallery

    def forget(self) -> None:
        """Makes the next answer read the gallery again, because somebody was enrolled or deleted."""
        with self._lock:
            self._gallery = None

    def _read(self) -> None:
        started = self._clock()
        self._gallery = Gallery(self._store.load(self._embedder), self._calibration)
        self._expires = started + max(self._seconds, SHARE_OF_TIME * (self._clock() - started))


class RecordCache:
    """Records of the people who were named lately, and who of them has none."""

    def __init__(self, store: PeopleStore, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, Record | None] = {}
        self._expires = 0.0

    def get(self, names: Iterable[str]) -> dict[str, Record]:
        with self._lock:
            if self._clock() >= self._expires:
                self._known = {}
                self._expires = self._clock() + self._seconds
            missing = set(names) - self._known.keys()
            if missing:
                found = self._store.get_many(missing)
                self._known |= {name: found.get(name) for name in missing}
            return {name: record for name in names if (record := self._known[name]) is not None}

    def forget(self) -> None:
        with self._lock:
            self._expires = 0.0
