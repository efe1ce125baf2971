"""Asking for a lookup: sent when a job's last GoP is done, or when the job has failed."""

from rollcall.contracts.events import LookupMessage, Upload
from rollcall.contracts.named_queue import NamedQueue


class LookupQueue(NamedQueue):
    def ask(self, upload: Upload) -> None:
        self._send(LookupMessage(upload=upload).model_dump_json())
