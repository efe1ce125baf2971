"""Errors as `application/problem+json` (RFC 9457), whatever raised them."""

from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import compile_path

from rollcall.api.http_errors import ApiError, Overloaded
from rollcall.contracts.errors import BadGallery, BadRecord, GalleryMismatch
from rollcall.runtime.observability import logger

MEDIA_TYPE = "application/problem+json"
CLIENT_CLOSED_REQUEST = 499  # nobody is there to read it; for the log


class Problem(BaseModel):
    type: str = "about:blank"
    title: str = Field(description="what the status means")
    status: int
    code: str = Field(description="stable, for programs")
    detail: str = Field(description="a plain sentence, for people")
    request_id: str = Field(description="also in the X-Request-Id header and in the service's log")


def handle_problems(app: FastAPI) -> None:
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(BadRecord, _bad_record)
    app.add_exception_handler(GalleryMismatch, _unusable_gallery)
    app.add_exception_handler(BadGallery, _unusable_gallery)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)


def problem(
    request: Request, status: int, *, code: str, detail: str, headers: dict[str, str] | None = None
) -> Response:
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        request_id=request.scope.get("state", {}).get("request_id", ""),
    )
    return Response(body.model_dump_json(), status_code=status, media_type=MEDIA_TYPE, headers=headers)


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT) or isinstance(
        error, Overloaded
    ):
        headers["Connection"] = "close"  # the rest of the body is not read
    return problem(request, error.status, code=error.code, detail=str(error), headers=headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return problem(request, status, code="invalid-request", detail=f"{where}: {first['msg']}")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "-")
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    return problem(request, error.status_code, code=code, detail=error.detail, headers=headers)


def _allowed(request: Request) -> list[str]:
    """The methods of all routes at this address: the framework names those of the first one only."""
    paths: dict[str, dict[str, object]] = request.app.openapi()["paths"]
    return sorted(
        method.upper()
        for path, methods in paths.items()
        if compile_path(path)[0].match(request.url.path)
        for method in methods
    )


async def _bad_record(request: Request, error: Exception) -> Response:
    return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, code="bad-record", detail=f"{error}.")


async def _unusable_gallery(request: Request, error: Exception) -> Response:
    logger.error("gallery cannot be used", reason=str(error))
    return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, code="gallery-mismatch", detail=str(error))


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _unexpected(request: Request, error: Exception) -> Response:
    detail = "Something went wrong here, not with your request. The service's log has it under the request id."
    logger.error(
        "request failed",
        request_id=request.scope.get("state", {}).get("request_id", ""),
        exc_info=error,
    )
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, code="internal", detail=detail)
