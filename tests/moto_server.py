"""moto's server with CloudFormation, for rehearsals of the stack, and where it has to behave as AWS does for them.

A process of its own, which may run in another environment than the tests: `python tests/moto_server.py --socket 3`.
"""

import argparse
import itertools
import logging
import signal
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import RLock
from typing import Any
from urllib.parse import quote_plus

from moto.dynamodb.responses import DynamoHandler
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3 import notifications
from moto.s3.models import S3Backend
from moto.sqs.models import SQSBackend
from werkzeug.serving import make_server

WAKE_SECONDS = 1  # moto notices a message whose visibility timeout ran out only when it looks again
SQS_WRITES = (
    *("send_message", "send_message_batch", "delete_message", "delete_message_batch", "change_message_visibility"),
    *("change_message_visibility_batch", "get_queue_attributes", "purge_queue"),
)
S3_WRITES = (
    *("put_object", "copy_object", "complete_multipart_upload", "delete_object", "delete_objects", "list_objects"),
    *("list_object_versions", "put_object_tagging"),
)


def moto_command(python: Path) -> Callable[[Sequence[socket.socket]], Sequence[str]]:
    """The `server` of a LocalCloud."""
    return lambda listeners: [str(python), str(Path(__file__)), "--socket", str(listeners[0].fileno())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="file descriptor of a listening socket")
    descriptor = parser.parse_args().socket
    bend()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listener = socket.socket(fileno=descriptor)
    host, port = listener.getsockname()[:2]
    application = DomainDispatcherApplication(create_backend_app)
    make_server(
        host, port, application, threaded=True, request_handler=MotoRequestHandler, fd=descriptor
    ).serve_forever()


def bend() -> None:
    _complete_s3_events()
    # moto's backends are not thread-safe, and its server runs a thread per connection
    _lock(S3Backend, S3_WRITES, RLock())
    _lock(DynamoHandler, ["call_action"], RLock())
    lock = RLock()
    _lock(SQSBackend, SQS_WRITES, lock)
    _receive_outside(SQSBackend, lock)


def _complete_s3_events() -> None:
    """S3 sends `versionId` and a growing `sequencer`, leaves `/` as it is, and tells of a multipart upload once."""
    s3_event, send_event = notifications._get_s3_event, notifications.send_event
    sequence = itertools.count(time.time_ns())

    def complete(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
        event: dict[str, Any] = s3_event(event_name, bucket, key, notification_id)
        described = event["Records"][0]["s3"]["object"]
        described["key"] = quote_plus(key.name, safe="/")
        described["sequencer"] = f"{next(sequence):018X}"
        if key.version_id != "null":
            described["versionId"] = key.version_id
        return event

    def once(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
        put = event_name == notifications.S3NotificationEvent.OBJECT_CREATED_PUT_EVENT
        if not (put and key.multipart):
            send_event(account_id, event_name, bucket, key)

    notifications._get_s3_event, notifications.send_event = complete, once


def _lock(owner: type, names: Sequence[str], lock: Any) -> None:
    for name in names:
        setattr(owner, name, _locked(getattr(owner, name), lock))


def _locked(method: Callable[..., Any], lock: Any) -> Callable[..., Any]:
    def locked(*arguments: Any, **named: Any) -> Any:
        with lock:
            return method(*arguments, **named)

    return locked


def _receive_outside(backend: Any, lock: Any) -> None:
    """A long poll has to wait outside the lock, or nobody could send."""
    receive_at_once = backend.receive_message

    def receive(self: Any, queue_name: str, count: int, wait_seconds_timeout: int, *rest: Any, **named: Any) -> Any:
        end = time.monotonic() + wait_seconds_timeout
        while True:
            with lock:
                messages = receive_at_once(self, queue_name, count, 0, *rest, **named)
            remaining = end - time.monotonic()
            if messages or remaining <= 0:
                return messages
            self.get_queue(queue_name).wait_for_messages(min(remaining, WAKE_SECONDS))

    backend.receive_message = receive


if __name__ == "__main__":
    main()
