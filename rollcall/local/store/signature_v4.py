"""AWS's Signature Version 4: whether a request was signed with a secret that the store knows.

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote_to_bytes

from rollcall.contracts.errors import RollcallError
from rollcall.local.store.http import Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
SKEW = timedelta(minutes=15)
_DATE = "%Y%m%dT%H%M%SZ"
_FIELD = re.compile(r"\s*(Credential|SignedHeaders|Signature)=([^,\s]*)\s*")

SecretOf = Callable[[str], str | None]  # the secret of an access key


class SignatureError(RollcallError):
    """`code` is AWS's, of S3; other services call the same thing by other names."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is good for: `<access key>/<date>/<region>/<service>/aws4_request`."""

    access_key: str
    date: str
    region: str
    service: str

    @property
    def text(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @classmethod
    def read(cls, credential: str, service: str) -> "Scope":
        """Raises: SignatureError."""
        fields = credential.rsplit("/", 4)
        if fields[3:] != [service, "aws4_request"]:
            raise SignatureError(
                "AuthorizationHeaderMalformed",
                f'The credential must be "<access key>/YYYYMMDD/<region>/{service}/aws4_request".',
            )
        return cls(*fields[:4])


@dataclass(frozen=True, slots=True)
class Signed:
    """A request whose signature is right: with this, more can be signed (the chunks of its body)."""

    key: bytes
    scope: Scope
    date: str
    signature: str


def signing_key(secret: str, scope: Scope) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (scope.date, scope.region, scope.service, "aws4_request"):
        key = _hmac(key, part)
    return key


def sign(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def verify_header(request: Request, *, secret_of: SecretOf, service: str, payload_hash: str, now: datetime) -> Signed:
    """`payload_hash` is the SHA-256 of the body in hexadecimal, or what S3 lets clients say instead.

    Raises: SignatureError.
    """
    fields = _header_fields(request.headers.get("authorization", ""))
    scope = Scope.read(fields["Credential"], service)
    key = known_key(secret_of, scope)
    date = request.headers.get("x-amz-date", "")
    if abs(now - read_date(date)) > SKEW:
        raise SignatureError(
            "RequestTimeTooSkewed", "The difference between the request time and the server's time is too large."
        )
    signed_headers = fields["SignedHeaders"].split(";")
    check_signed_headers(request.headers, signed_headers)
    canonical = canonical_request(request, signed_headers, payload_hash, double=service != "s3")
    compare(key, scope, date, canonical, fields["Signature"])
    return Signed(key, scope, date, fields["Signature"])


def known_key(secret_of: SecretOf, scope: Scope) -> bytes:
    """Raises: SignatureError."""
    secret = secret_of(scope.access_key)
    if secret is None:
        raise SignatureError(
            "InvalidAccessKeyId", "The AWS access key ID that you provided does not exist in our records."
        )
    return signing_key(secret, scope)


def read_date(text: str) -> datetime:
    """Raises: SignatureError."""
    try:
        return datetime.strptime(text, _DATE).replace(tzinfo=UTC)
    except ValueError as error:
        raise SignatureError("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header") from error


def check_signed_headers(headers: Mapping[str, str], signed: Collection[str]) -> None:
    """Raises: SignatureError: somebody on the way could have changed what is not signed."""
    unsigned = [name for name in headers if name.startswith("x-amz-") and name not in signed]
    if unsigned or "host" not in signed:
        raise SignatureError("AccessDenied", "There were headers present in the request which were not signed")


def canonical_request(
    request: Request, signed_headers: Collection[str], payload_hash: str, *, double: bool, without: str = ""
) -> str:
    """`double`: services other than S3 encode the path twice. `without` is a query that is not signed."""
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed_headers)
    path = _encoded(unquote_to_bytes(request.path), safe="/-_.~") if not double else quote(request.path, safe="/-_.~")
    return "\n".join(
        (
            request.method,
            path or "/",
            _canonical_query(request.query, without),
            headers,
            ";".join(signed_headers),
            payload_hash,
        )
    )


def compare(key: bytes, scope: Scope, date: str, canonical: str, signature: str) -> None:
    """Raises: SignatureError."""
    hashed = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    expected = sign(key, "\n".join((ALGORITHM, date, scope.text, hashed)))
    if not date.startswith(scope.date) or not same(expected, signature):
        raise SignatureError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing"
            " method.",
        )


def same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


def _header_fields(header: str) -> dict[str, str]:
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        raise SignatureError(
            "InvalidRequest",
            f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}.",
        )
    found = {match[1]: match[2] for entry in rest.split(",") if (match := _FIELD.fullmatch(entry))}
    if found.keys() != {"Credential", "SignedHeaders", "Signature"}:
        raise SignatureError(
            "AuthorizationHeaderMalformed", "The header must have Credential, SignedHeaders and Signature."
        )
    return found


def _canonical_query(query: str, without: str) -> str:
    pairs = []
    for entry in query.split("&"):
        name, _, value = entry.partition("=")
        name, value = (_encoded(unquote_to_bytes(text), safe="-_.~") for text in (name, value))
        if name and name != without:
            pairs.append((name, value))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(raw: bytes, *, safe: str) -> str:
    return quote(raw, safe=safe)


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
