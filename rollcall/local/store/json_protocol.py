"""AWS's JSON protocols: an operation named by a header, a JSON body in, a JSON body out."""

import json
import uuid
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import botocore.session
from botocore.model import ServiceModel

from rollcall.local.store.authorization import Authorization
from rollcall.local.store.http import Request, Response
from rollcall.local.store.request_body import read_whole
from rollcall.local.store.shape_check import ShapeChecker, WrongType
from rollcall.local.store.store_errors import ServiceError

MOST_BYTES = 32 * 1024 * 1024  # of a request: DynamoDB's batches may hold 16 MiB of items


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request to an operation."""

    operation: str
    asked: dict[str, Any]
    base_url: str  # as the client reached the server


Operation = Callable[[Call], Awaitable[dict[str, Any] | None]]


class JsonService(Protocol):
    """What a service tells of itself; the operations that it has, by name."""

    service: str  # botocore's name
    operations: Mapping[str, Operation]
    opaque: frozenset[str]  # shapes that it checks by itself
    choices: bool  # False: it does so for the names of choices as well

    def missing(self, problems: list[str]) -> ServiceError:
        """The error for a request that breaks constraints."""
        ...

    def error_headers(self, error: ServiceError) -> dict[str, str]: ...


@dataclass
class JsonEndpoint:
    """Requests of one service."""

    service: JsonService
    authorization: Authorization
    failed: Callable[[str, BaseException], None]  # told of the operation and of an error that is ours
    _checker: ShapeChecker = field(init=False)

    def __post_init__(self) -> None:
        self._checker = ShapeChecker(opaque=self.service.opaque, choices=self.service.choices)

    async def handle(self, request: Request, operation: str) -> Response:
        try:
            answer = await self._answer(request, operation)
        except ServiceError as error:
            return self._refusal(error)
        except Exception as error:  # noqa: BLE001 - ours; the client is told as AWS would tell it
            self.failed(f"{self.service.service} {operation}", error)
            return self._refusal(ServiceError("InternalFailure", "The store failed; its log says why.", status=500))
        return self._response(200, answer or {}, {})

    async def _answer(self, request: Request, operation: str) -> dict[str, Any] | None:
        body = await read_whole(request.body, most=MOST_BYTES)
        if body is None:
            raise ServiceError("RequestEntityTooLarge", f"A request may hold {MOST_BYTES:,} bytes.", status=413)
        self.authorization.check(request, body, self.service.service)
        handler = self.service.operations.get(operation)
        if handler is None:
            raise self._unknown(operation)
        asked = _parsed(body)
        self._check(operation, asked)
        call = Call(operation=operation, asked=asked, base_url=base_url_of(request))
        return await handler(call)

    def _unknown(self, operation: str) -> ServiceError:
        if operation in self._model.operation_names:
            return ServiceError(
                "NotImplemented", f"{operation[:80]} is not supported by the local {self.service.service}.", status=501
            )
        return ServiceError("UnknownOperationException", "")

    def _check(self, operation: str, asked: dict[str, Any]) -> None:
        shape = self._model.operation_model(operation).input_shape
        if shape is None:
            return
        try:
            problems = self._checker.check(shape, asked)
        except (WrongType, RecursionError) as error:
            raise ServiceError("SerializationException", str(error)) from None
        if problems:
            raise self.service.missing(problems)

    @cached_property
    def _model(self) -> ServiceModel:
        return botocore.session.get_session().get_service_model(self.service.service)

    @cached_property
    def _content_type(self) -> str:
        return f"application/x-amz-json-{self._model.metadata['jsonVersion']}"

    @cached_property
    def _namespace(self) -> str:
        return _NAMESPACES.get(self.service.service, f"com.amazonaws.{self.service.service}")

    def _refusal(self, error: ServiceError) -> Response:
        told = {"__type": f"{self._namespace}#{error.code}", "message": error.message, **error.members}
        return self._response(error.status, told, self.service.error_headers(error))

    def _response(self, status: int, answer: dict[str, Any], headers: dict[str, str]) -> Response:
        body = json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
        common = {
            "content-type": self._content_type,
            "x-amzn-requestid": str(uuid.uuid4()),
            "x-amz-crc32": str(zlib.crc32(body)),
        }
        return Response(status=status, headers=common | headers, body=body)


_NAMESPACES = {"dynamodb": "com.amazonaws.dynamodb.v20120810"}


def broken_constraints(problems: list[str]) -> str:
    count = "1 validation error" if len(problems) == 1 else f"{len(problems)} validation errors"
    return f"{count} detected: {'; '.join(problems)}"


def base_url_of(request: Request) -> str:
    return f"{request.scheme}://{request.headers.get('host', 'localhost')}"


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body, parse_constant=_no_constant) if body else {}
        if b"\\ud" in body or b"\\uD" in body:  # half of a pair is no text
            json.dumps(asked, ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # a UnicodeError is a ValueError
        raise ServiceError("SerializationException", "The body is not JSON.") from None
    if not isinstance(asked, dict):
        raise ServiceError("SerializationException", "The body is not a JSON object.")
    return asked


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
