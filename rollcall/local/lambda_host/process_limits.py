"""Memory and scratch limits of the workers: measured a few times a second, and a worker beyond them is ended."""

from collections.abc import Callable, Sequence
from threading import Event, Thread

from rollcall.contracts.bounds import beside
from rollcall.local.lambda_host.processes import folder_megabytes, resident_megabytes, tree_of
from rollcall.local.lambda_host.sandbox import Failure, Sandbox

POLL_SECONDS = 0.2


class LimitsWatch:
    def __init__(self, sandboxes: Callable[[], Sequence[Sandbox]]) -> None:
        self._sandboxes = sandboxes
        self._closing = Event()
        self._thread = Thread(target=self._watch, name="limits", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closing.wait(POLL_SECONDS):
            for sandbox in self._sandboxes():
                failure = measure(sandbox) if sandbox.busy and sandbox.alive else None
                if failure is not None:
                    sandbox.end_for(failure)


def measure(sandbox: Sandbox) -> Failure | None:
    megabytes = resident_megabytes(tree_of(sandbox.pid))
    sandbox.max_memory_mb = max(sandbox.max_memory_mb, megabytes)
    function = sandbox.function
    if megabytes > function.memory_mb:
        used = f"{beside(megabytes, function.memory_mb)} MB of memory used, {function.memory_mb} MB allowed"
        return Failure(error="Runtime.OutOfMemory", message=used)
    scratch = folder_megabytes(sandbox.scratch)
    if scratch > function.scratch_mb:
        used = f"{beside(scratch, function.scratch_mb)} MB of scratch space used, {function.scratch_mb} MB allowed"
        return Failure(error="Runtime.OutOfScratchSpace", message=used)
    return None
