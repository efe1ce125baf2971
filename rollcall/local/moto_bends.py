"""Every place where moto is made to behave as AWS does, each with its reason."""

import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from threading import RLock
from typing import Any
from urllib.parse import quote_plus

from moto import backends
from moto.core import responses
from moto.core.utils import unix_time, unix_time_millis
from moto.dynamodb.responses import DynamoHandler
from moto.moto_server import werkzeug_app
from moto.s3 import notifications
from moto.s3.models import S3Backend
from moto.s3.responses import S3Response
from moto.sqs import models as sqs_models
from moto.sqs.models import Queue, SQSBackend

CHUNK_BYTES = 1024 * 1024
NAMES_KEPT = 4096
WAKE_SECONDS = 1  # moto notices a message whose visibility timeout ran out only when it looks again


def apply() -> None:
    _complete_s3_events()
    _announce_multipart_uploads_once()
    _look_names_up_once()
    _read_the_clock_once_per_listing()
    _read_the_retention_alone()
    _serialize_writes()
    _receive_without_holding_the_lock()
    _send_objects_in_chunks()
    _keep_web_pages_out()
    _let_pages_read_the_answer_to_a_form()


def _replace(owner: object, name: str, new: object) -> None:
    getattr(owner, name)  # an AttributeError here means that another version of moto needs another bend
    setattr(owner, name, new)


def _complete_s3_events() -> None:
    """S3 sends `versionId` for versioned buckets and an ever growing `sequencer`, and leaves `/` as it is."""
    original = notifications._get_s3_event
    sequence = itertools.count(time.time_ns())

    def s3_event(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
        event: dict[str, Any] = original(event_name, bucket, key, notification_id)
        described = event["Records"][0]["s3"]["object"]
        described["key"] = quote_plus(key.name, safe="/")
        described["sequencer"] = f"{next(sequence):018X}"
        if key.version_id != "null":
            described["versionId"] = key.version_id
        return event

    _replace(notifications, "_get_s3_event", s3_event)


def _announce_multipart_uploads_once() -> None:
    """For a multipart upload moto sends a `Put` event as well as S3's one `CompleteMultipartUpload`."""
    original = notifications.send_event

    def send_event(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
        put = event_name == notifications.S3NotificationEvent.OBJECT_CREATED_PUT_EVENT
        if not (put and key.multipart):
            original(account_id, event_name, bucket, key)

    _replace(notifications, "send_event", send_event)


def _look_names_up_once() -> None:
    """moto lists its own folder and converts the same names for each request: 40 % of its processor time."""
    known = frozenset(backends.list_of_moto_modules())
    _replace(backends, "list_of_moto_modules", lambda: known)
    for module, name in (
        (responses, "camelcase_to_underscores"),
        (responses, "method_names_from_class"),
        (sqs_models, "camelcase_to_underscores"),
    ):
        _replace(module, name, lru_cache(NAMES_KEPT)(getattr(module, name)))


def _read_the_clock_once_per_listing() -> None:
    """moto asks the clock for each message, and lists the queue several times a call: 3,600 sends took 205 s."""

    def visible(queue: Any) -> list[Any]:
        now = unix_time_millis()
        return [message for message in queue._messages if message.visible_at < now and message.delayed_until <= now]

    def count_delayed(queue: Any) -> int:
        now = unix_time_millis()
        return sum(message.delayed_until > now for message in queue._messages)

    def count_hidden(queue: Any) -> int:
        now = unix_time_millis()
        return sum(message.visible_at >= now for message in queue._messages)

    _replace(Queue, "messages", property(visible))
    _replace(Queue, "approximate_number_of_messages_delayed", property(count_delayed))
    _replace(Queue, "approximate_number_of_messages_not_visible", property(count_hidden))


def _read_the_retention_alone() -> None:
    """moto counts a queue's messages nine times for each one that it hands out: 75 ms for ten of 10,000."""

    def is_kept(self: Any, queue_name: str, message: Any) -> bool:
        kept: float = message.sent_timestamp / 1000 + self.get_queue(queue_name).message_retention_period
        return kept > unix_time()

    _replace(SQSBackend, "is_message_valid_based_on_retention_period", is_kept)


def _serialize_writes() -> None:
    """moto's backends are not thread-safe, and its server runs a thread per connection.

    A message sent while another is deleted can get lost. Two receivers can be given the same message. An update of a
    set in DynamoDB can undo another. A listing fails when an object is put meanwhile.
    """
    _lock_methods(
        S3Backend,
        [
            "put_object",
            "copy_object",
            "complete_multipart_upload",
            "delete_object",
            "delete_objects",
            "list_objects",
            "list_object_versions",
            "put_object_tagging",
        ],
        RLock(),
    )
    _lock_methods(DynamoHandler, ["call_action"], RLock())


def _receive_without_holding_the_lock() -> None:
    """Makes SQS thread-safe too. A long poll has to wait outside the lock, or nobody could send."""
    lock = RLock()
    _lock_methods(
        SQSBackend,
        [
            "send_message",
            "send_message_batch",
            "delete_message",
            "delete_message_batch",
            "change_message_visibility",
            "change_message_visibility_batch",
            "get_queue_attributes",
            "purge_queue",
        ],
        lock,
    )
    receive_at_once = SQSBackend.receive_message

    def receive_message(
        self: Any, queue_name: str, count: int, wait_seconds_timeout: int, *rest: Any, **named: Any
    ) -> list[Any]:
        end = time.monotonic() + wait_seconds_timeout
        while True:
            with lock:
                messages: list[Any] = receive_at_once(self, queue_name, count, 0, *rest, **named)
            remaining = end - time.monotonic()
            if messages or remaining <= 0:
                return messages
            self.get_queue(queue_name).wait_for_messages(min(remaining, WAKE_SECONDS))

    _replace(SQSBackend, "receive_message", receive_message)


def _lock_methods(backend: type, names: Iterable[str], lock: Any) -> None:
    for name in names:
        _replace(backend, name, _locked(getattr(backend, name), lock))


def _locked(method: Callable[..., Any], lock: Any) -> Callable[..., Any]:
    def locked(*arguments: Any, **named: Any) -> Any:
        with lock:
            return method(*arguments, **named)

    locked.__name__ = method.__name__
    return locked


def _send_objects_in_chunks() -> None:
    """moto copies a whole object into memory for each request, of however small a range; ffmpeg asks for many."""
    original = S3Response._get_key

    def get_key(self: Any, *arguments: Any, **named: Any) -> tuple[Any, bool]:
        key, not_modified = original(self, *arguments, **named)
        return (_StreamedKey(key) if key.size > key._max_buffer_size else key), not_modified

    _replace(S3Response, "_get_key", get_key)


class _StreamedKey:
    """A stored object, kept by moto in a temporary file, whose `value` is read only while it is sent."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._key, name)

    @property
    def value(self) -> "_FileSlice":
        with self._key.lock:
            self._key._value_buffer.flush()
            # a descriptor of its own: the object may be overwritten while it is being sent
            file = os.fdopen(os.dup(self._key._value_buffer.fileno()), "rb", buffering=0)
        return _FileSlice(file, range(self._key.size))


class _FileSlice:
    """What moto's range code needs of an object's bytes (length and slices), and an iterable body for the response."""

    def __init__(self, file: Any, span: range) -> None:
        self._file = file
        self._span = span

    def __len__(self) -> int:
        return len(self._span)

    def __getitem__(self, piece: slice) -> "_FileSlice":
        return _FileSlice(self._file, self._span[piece])

    def __iter__(self) -> Iterator[bytes]:
        for start in self._span[::CHUNK_BYTES]:
            # pread leaves the shared position alone, which moto and other requests use
            yield os.pread(self._file.fileno(), min(CHUNK_BYTES, self._span.stop - start), start)

    def close(self) -> None:
        self._file.close()


def _keep_web_pages_out() -> None:
    """moto lets every web page read its answers (CORS `*`); here they are people's faces."""
    _replace(werkzeug_app, "DISABLE_GLOBAL_CORS", True)


def _let_pages_read_the_answer_to_a_form() -> None:
    """moto answers a form without the headers of the bucket's CORS rules, so a page sees an error; S3 sends them."""
    original = S3Response._bucket_response_post

    def bucket_response_post(self: Any, request: Any, bucket_name: str) -> tuple[Any, dict[str, Any], Any]:
        status, headers, body = original(self, request, bucket_name)
        return status, headers | self._get_cors_headers_other(), body

    _replace(S3Response, "_bucket_response_post", bucket_response_post)
