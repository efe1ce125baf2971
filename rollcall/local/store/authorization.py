"""Requests to other services than S3, which have to be signed where the store has credentials of its own."""

import hashlib
from datetime import UTC, datetime

from rollcall.local.store.http import Request
from rollcall.local.store.signature_v4 import SecretOf, SignatureError, verify_header
from rollcall.local.store.store_errors import ServiceError

_CODES = {
    "InvalidAccessKeyId": "UnrecognizedClientException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "RequestTimeTooSkewed": "InvalidSignatureException",
}


class Authorization:
    """`secret_of` tells the secret of an access key; None: anybody may ask."""

    def __init__(self, secret_of: SecretOf | None) -> None:
        self._secret_of = secret_of

    def check(self, request: Request, body: bytes, service: str) -> None:
        """Raises ServiceError for a request that was not signed with a secret of the store."""
        if self._secret_of is None:
            return
        if "authorization" not in request.headers:
            raise ServiceError(
                "MissingAuthenticationTokenException", "Request is missing Authentication Token", status=403
            )
        try:
            verify_header(
                request,
                secret_of=self._secret_of,
                service=service,
                payload_hash=hashlib.sha256(body).hexdigest(),
                now=datetime.now(UTC),
            )
        except SignatureError as error:
            code = _CODES.get(error.code, "IncompleteSignatureException")
            raise ServiceError(code, error.message, status=403) from None
