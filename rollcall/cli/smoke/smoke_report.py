"""What a smoke test says while it goes on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stage(what: str) -> Iterator[None]:
    """A line with its time, once it has gone well."""
    started = time.monotonic()
    yield
    print(f"{time.monotonic() - started:7.1f} s  {what}", flush=True)
