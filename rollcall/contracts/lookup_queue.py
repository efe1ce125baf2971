"""Asking for a lookup: sent when a job's last GoP is done, or when the job has failed."""

from collections.abc import Sequence

from rollcall.contracts.events import LookupMessage, Upload
from rollcall.contracts.named_queue import NamedQueue


class LookupQueue(NamedQueue):
    def ask(self, upload: Upload) -> None:
        self._send(_message(upload))

    def ask_all(self, uploads: Sequence[Upload]) -> list[Exception | None]:
        """The error of each that could not be asked for."""
        return self._send_all([*map(_message, uploads)])


def _message(upload: Upload) -> str:
    return LookupMessage(upload=upload).model_dump_json()
