"""The services behind the port: which of them a request is for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from rollcall.local.store import query_protocol
from rollcall.local.store.authorization import Authorization
from rollcall.local.store.database import Database
from rollcall.local.store.dynamodb.dynamodb_service import DynamoDb
from rollcall.local.store.events.event_service import EventBridge
from rollcall.local.store.http import Request, Response
from rollcall.local.store.json_protocol import JsonEndpoint, JsonService
from rollcall.local.store.request_counts import RequestCounts
from rollcall.local.store.sqs.sqs_service import Sqs
from rollcall.local.store.store_failures import log_failure


class Objects(Protocol):
    """S3."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    async def handle(self, request: Request) -> Response: ...


class Services:
    """`objects` answers whatever is for no other service."""

    def __init__(self, database: Database, objects: Callable[[Sqs], Objects], authorization: Authorization) -> None:
        self.counts = RequestCounts()
        self._authorization = authorization
        self._sqs = Sqs(database)
        self._objects = objects(self._sqs)
        self._tables = DynamoDb(database)
        self._endpoints = {
            "AmazonSQS": self._endpoint(self._sqs),
            "DynamoDB_20120810": self._endpoint(self._tables),
            "AWSEvents": self._endpoint(EventBridge(database, self._sqs)),
        }

    async def handle(self, request: Request) -> Response:
        answer = await self._answer(request)
        self.counts.count(self._name(request), request, answer)
        return answer

    def _name(self, request: Request) -> str:
        """`AmazonSQS.SendMessage`, or what is done to what: `S3 GET object`."""
        target = request.headers.get("x-amz-target")
        if target is None:
            return f"S3 {request.method} {'object' if '/' in request.path.strip('/') else 'bucket'}"
        service, _, operation = target.partition(".")
        endpoint = self._endpoints.get(service)
        return target if endpoint is not None and operation in endpoint.service.operations else "other"

    async def _answer(self, request: Request) -> Response:
        target = request.headers.get("x-amz-target")
        if target is not None and request.method == "POST":
            service, _, operation = target.partition(".")
            endpoint = self._endpoints.get(service)
            if endpoint is not None:
                return await endpoint.handle(request, operation)
            return _unknown(service)
        if query_protocol.is_query(request):
            return await query_protocol.handle(request, self._authorization)
        return await self._objects.handle(request)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Inside, what has to be done without being asked is done."""
        self._objects.start()
        tasks = [asyncio.create_task(self._kept_up(work)) for work in (self._sqs.run, self._tables.run)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._objects.stop()

    async def _kept_up(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - the next round may do better
                log_failure("housekeeping", error)
            await asyncio.sleep(1.0)

    def _endpoint(self, service: JsonService) -> JsonEndpoint:
        return JsonEndpoint(service, self._authorization, log_failure)


def _unknown(service: str) -> Response:
    told = '{"__type":"com.amazon.coral.service#UnknownOperationException","message":"%s is not supported here."}'
    name = "".join(character for character in service[:80] if character.isalnum() or character == "_")
    return Response(status=501, headers={"content-type": "application/x-amz-json-1.0"}, body=(told % name).encode())
