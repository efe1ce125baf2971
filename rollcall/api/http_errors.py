"""What an HTTP client is told when a request is not answered: each error is one status and one code.

RollcallError
└── ApiError
    ├── BadRequest, Unauthenticated, Forbidden, NotFound, BodyTooLarge, BodyTooSlow, CompressedBody,
    │   NotAPhoto              the client's to change
    ├── RefusedPhoto           a photo that cannot be read, like a bad upload
    ├── TooManyRequests        the key's rate is used up
    └── Overloaded             more is waiting than will be answered in time; worth another attempt
"""

from http import HTTPStatus

from rollcall.contracts.errors import RollcallError


class ApiError(RollcallError):
    """`code` is stable, for programs; the message is a plain sentence, for people."""

    status = HTTPStatus.BAD_REQUEST
    code = "bad-request"

    def __init__(self, message: str, *, code: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code or self.code
        self.retry_after = retry_after  # seconds


class BadRequest(ApiError):
    pass


class Unauthenticated(ApiError):
    status = HTTPStatus.UNAUTHORIZED
    code = "unauthenticated"


class Forbidden(ApiError):
    status = HTTPStatus.FORBIDDEN
    code = "forbidden"


class NotFound(ApiError):
    status = HTTPStatus.NOT_FOUND
    code = "not-found"


class BodyTooSlow(ApiError):
    status = HTTPStatus.REQUEST_TIMEOUT
    code = "body-too-slow"


class BodyTooLarge(ApiError):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "too-large"


class NotAPhoto(ApiError):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "not-a-photo"


class CompressedBody(ApiError):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "compressed-body"


class RefusedPhoto(ApiError):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "unreadable-media"


class TooManyRequests(ApiError):
    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too-many-requests"


class Overloaded(ApiError):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "overloaded"
