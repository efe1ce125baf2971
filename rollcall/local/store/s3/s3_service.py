"""S3: from a request to its answer."""

import asyncio
import errno
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from rollcall.local.store.data_folder import copied_folder
from rollcall.local.store.database import Database
from rollcall.local.store.http import Request, Response
from rollcall.local.store.identity import ACCOUNT
from rollcall.local.store.request_body import ClientGone
from rollcall.local.store.s3 import reading, versions, writing
from rollcall.local.store.s3 import s3_schema as schema
from rollcall.local.store.s3.addresses import Address, address_of, queries_of
from rollcall.local.store.s3.bucket_settings import cors, lifecycle
from rollcall.local.store.s3.bucket_settings.buckets import find, setting
from rollcall.local.store.s3.call import Answer, Call
from rollcall.local.store.s3.files.assembly import Assemblies
from rollcall.local.store.s3.files.blobs import Blobs
from rollcall.local.store.s3.files.change import Queues, Storage
from rollcall.local.store.s3.files.journal import Journal
from rollcall.local.store.s3.files.left_out import settle_objects
from rollcall.local.store.s3.files.orphans import remove_orphans
from rollcall.local.store.s3.files.plain_view import PlainView
from rollcall.local.store.s3.handlers import HANDLERS, UPLOADS
from rollcall.local.store.s3.operations import Operation, operation_of
from rollcall.local.store.s3.s3_errors import NotSupported, S3Error
from rollcall.local.store.s3.signatures import Gate, chunk_check
from rollcall.local.store.s3.uploads.form_upload import post_object
from rollcall.local.store.s3.uploads.intake import Intake, Promise, promise_of, small_body
from rollcall.local.store.s3.xml_tree import MOST_BYTES
from rollcall.local.store.signature_v4 import SecretOf, Signed
from rollcall.local.store.store_failures import log_failure

THREADS = 32  # most of them wait for the disk
SWEEP_SECONDS = 3600.0
QUICK = {"GetObject", "HeadBucket", "HeadObject"}  # one row and one open file: a thread would cost more
BRIEF = {"DeleteObject"}  # the same, with a transaction
HEALTH = Address("_health", None, False)  # no bucket can be called so
_FULL = (errno.ENOSPC, errno.EDQUOT)
T = TypeVar("T")


class S3:
    """`notify` and `queue_exists` belong to SQS; both are called inside the transaction of the object.

    `secret_of` tells the secret of an access key, and every request has to be signed with one. None: any credentials.
    `hosts`: `<bucket>.<host>` means the bucket.
    """

    def __init__(
        self,
        folder: Path,
        database: Database,
        *,
        notify: Callable[[sqlite3.Connection, str, str], None] = lambda _connection, _arn, _body: None,
        queue_exists: Callable[[sqlite3.Connection, str], bool] = lambda _connection, _arn: False,
        secret_of: SecretOf | None = None,
        hosts: tuple[str, ...] = ("localhost", "s3.localhost.localstack.cloud"),
        durable: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        database.migrate("s3", schema.MIGRATIONS)
        blobs = Blobs(folder, durable=durable)
        view = PlainView(folder, blobs, lambda bucket, key: versions.current_blob(database.read(), bucket, key))
        journal = Journal(database, blobs, view)
        self._folder = folder
        self._hosts = hosts
        self._gate = Gate(secret_of)
        self._clock = clock
        self._executor = ThreadPoolExecutor(THREADS, "s3")
        self._ending = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep_often, name="s3-sweeper", daemon=True)
        self.storage = Storage(
            database=database,
            blobs=blobs,
            view=view,
            journal=journal,
            assemblies=Assemblies(blobs),
            queues=Queues(queue_exists, notify),
            clock=clock,
        )

    def start(self) -> None:
        """Finishes what a crash has left undone."""
        if not copied_folder.is_own(self._folder):
            settle_objects(self.storage, self._folder)
        self.storage.journal.start()
        copied_folder.mark_own(self._folder)
        self._sweeper.start()

    def stop(self) -> None:
        """Ends its threads; call it when no request is being answered."""
        self._ending.set()
        self._executor.shutdown()
        self._sweeper.join()
        self.storage.journal.stop()

    def sweep(self) -> None:
        """Have the buckets' lifecycle rules done now."""
        lifecycle.sweep(self.storage, _request_id(), self._ending)

    async def handle(self, request: Request) -> Response:
        request_id = _request_id()
        try:
            response = await self._answer(request, request_id)
        except S3Error as error:
            response = _refusal(request, error, request_id)
        except ClientGone:
            raise  # nobody is there to be answered
        except Exception as error:
            response = _refusal(request, self._failure(error), request_id)
        response.headers |= {"x-amz-request-id": request_id, "x-amz-id-2": request_id}
        return response

    def _health(self) -> Response:
        """Tells monitors that the store answers, reads and writes. It needs no signature."""
        with self.storage.database.transaction(durable=False) as connection:
            connection.execute("SELECT 1 FROM schema").fetchone()
        return Response(status=200, headers={"content-type": "application/json"}, body=b'{"status": "ok"}')

    async def _answer(self, request: Request, request_id: str) -> Response:
        address = address_of(request.path, request.headers.get("host", ""), self._hosts)
        if address == HEALTH and request.method in {"GET", "HEAD"}:
            return await self._on_thread(self._health)
        queries = queries_of(request.query)
        if request.method == "OPTIONS":
            return await self._on_thread(lambda: self._preflight(request, address))
        allowed: dict[str, str] = {}
        if "origin" in request.headers and address.bucket:
            allowed = await self._on_thread(lambda: self._cors(request, address))
        try:
            response = await self._operate(request, address, queries, request_id)
        except S3Error as error:
            error.headers |= allowed
            raise
        response.headers |= allowed
        return response

    async def _operate(
        self, request: Request, address: Address, queries: Mapping[str, str], request_id: str
    ) -> Response:
        call = Call(
            storage=self.storage,
            request_id=request_id,
            bucket_name=address.bucket or "",
            key=address.key or "",
            headers=request.headers,
            values={},
        )
        if request.method == "POST" and address.parts == 1 and not queries and _is_form(request):
            answer = await post_object(call, request, self._gate, self._executor)
            return _response(answer, answer.body if isinstance(answer.body, bytes) else b"")
        host_bucket = address.bucket if address.virtual else None
        if request.headers.get("x-amz-expected-bucket-owner", ACCOUNT) != ACCOUNT:
            raise S3Error("AccessDenied")
        signed = self._gate.admit(request, queries, self._now(), host_bucket)
        operation = operation_of(request.method, address.parts, queries, request.headers)
        handler = HANDLERS.get(operation.name)
        if handler is None:
            raise NotSupported(operation.name)
        call.values = reading.outside_of_body(operation.input, queries, request.headers)
        if operation.name in UPLOADS:
            return await self._upload(request, operation, call, signed)
        if reading.payload_member(operation.input) is not None:
            check = chunk_check(request.headers, signed)
            document = await small_body(request.body, _document_promise(operation, request), MOST_BYTES, check)
            return await self._on_thread(lambda: self._with_document(operation, call, handler, document))
        if operation.name in QUICK:
            return _written(operation, handler(call))
        if operation.name in BRIEF:
            return await self._briefly(lambda: _written(operation, handler(call)))
        return await self._on_thread(lambda: _written(operation, handler(call)))

    @staticmethod
    def _with_document(
        operation: Operation, call: Call, handler: Callable[[Call], Answer], document: bytes
    ) -> Response:
        call.values |= reading.body(operation.input, document)
        return _written(operation, handler(call))

    async def _upload(self, request: Request, operation: Operation, call: Call, signed: Signed | None) -> Response:
        """The checks come before the body, so that a refused upload is not read; the transaction comes after it."""
        upload = UPLOADS[operation.name]
        also, place = upload.prepare(call)
        promise = promise_of(request.headers, also)
        intake = Intake(
            blobs=self.storage.blobs,
            executor=self._executor,
            promise=promise,
            check=chunk_check(request.headers, signed),
            place=lambda: place(promise.decoded_length),
        )
        finish = await intake.receive(request.body)

        def complete() -> Response:
            call.received = finish()
            return _written(operation, HANDLERS[operation.name](call))

        return await (self._briefly(complete) if intake.small else self._on_thread(complete))

    def _failure(self, error: Exception) -> S3Error:
        """What is not the client's fault."""
        full = isinstance(error, OSError) and error.errno in _FULL
        if full or (isinstance(error, sqlite3.OperationalError) and "full" in str(error)):
            self.storage.journal.dropped.remove_all()
            return S3Error("ServiceUnavailable", "The disk of the store is full.")
        log_failure("a request to S3", error)
        return S3Error("InternalError")

    def _cors(self, request: Request, address: Address) -> dict[str, str]:
        try:
            rules = self._cors_rules(address)
        except S3Error:
            return {}
        return cors.headers_for(rules, request.headers, request.method)

    def _preflight(self, request: Request, address: Address) -> Response:
        rules = self._cors_rules(address) if address.bucket else []
        return Response(headers=cors.preflight(rules, request.headers))

    def _cors_rules(self, address: Address) -> list[cors.Rule]:
        reader = self.storage.database.read()
        return setting(reader, find(reader, address.bucket or ""), cors.KIND) or []

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    async def _briefly(self, work: Callable[[], T]) -> T:
        database = self.storage.database
        return await (self._on_thread(work) if database.busy else database.briefly(work))

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _sweep_often(self) -> None:
        """At once, and then every hour: many a server runs for less."""
        for work in (lambda: remove_orphans(self.storage, self._ending), self.sweep):
            self._try(work)
        while not self._ending.wait(SWEEP_SECONDS):
            self._try(self.sweep)

    @staticmethod
    def _try(work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:
            log_failure("housekeeping of the store's objects", error)


def _written(operation: Operation, answer: Answer) -> Response:
    answer.headers = writing.headers(operation.output, answer.values) | answer.headers
    if answer.body is not None:
        return _response(answer, answer.body, operation)
    document = writing.document(operation.name, operation.output, answer.values)
    if document is None:
        return _response(answer, b"", operation)
    return _response(answer, document, operation, writing.XML)


def _response(
    answer: Answer, body: object, operation: Operation | None = None, more: Mapping[str, str] | None = None
) -> Response:
    status = answer.status or (operation.status if operation else 200)
    return Response(status=status, headers={**(more or {}), **answer.headers}, body=body)  # type: ignore[arg-type]


def _refusal(request: Request, error: S3Error, request_id: str) -> Response:
    if request.method == "HEAD" or error.code == "NotModified":
        return Response(status=error.status, headers=dict(error.headers))
    headers = {**error.headers, **writing.XML}
    return Response(status=error.status, headers=headers, body=error.document(request.path, request_id))


def _document_promise(operation: Operation, request: Request) -> Promise:
    """The checksum that completes an upload is that of the finished object, not of the document."""
    return promise_of(request.headers, of_body=operation.name != "CompleteMultipartUpload")


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


def _request_id() -> str:
    return secrets.token_hex(8).upper()
