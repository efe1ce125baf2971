"""Who may do what they ask: signed requests, presigned URLs, signed chunks and forms.

Without `secret_of` any credentials will do, as on loopback. Times are kept even then: a presigned URL expires.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollcall.local.store import signature_v4 as signing
from rollcall.local.store.http import Request
from rollcall.local.store.s3.s3_errors import S3Error
from rollcall.local.store.s3.uploads.chunked import ChunkCheck
from rollcall.local.store.signature_v4 import Scope, SecretOf, SignatureError, Signed

LONGEST_EXPIRY = 604_800  # seconds
_EMPTY = hashlib.sha256(b"").hexdigest()
# the queries that the older signature covers
_SUBRESOURCES = {
    "acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy",
    "requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding",
    "response-content-language", "response-content-type", "response-expires", "restore", "tagging", "torrent",
    "uploadId", "uploads", "versionId", "versioning", "versions", "website",
}  # fmt: skip


@dataclass(frozen=True)
class Gate:
    secret_of: SecretOf | None

    def admit(self, request: Request, queries: Mapping[str, str], now: datetime, bucket: str | None) -> Signed | None:
        """None: nothing is known about the secret. Raises: S3Error."""
        try:
            if "X-Amz-Algorithm" in queries or "X-Amz-Signature" in queries:
                return self._presigned(request, queries, now)
            if "Signature" in queries and "Expires" in queries:
                return self._presigned_v2(request, queries, now, bucket)
            if self.secret_of is None:
                return None
            if "authorization" not in request.headers:
                raise S3Error("AccessDenied")
            payload_hash = request.headers.get("x-amz-content-sha256")
            if payload_hash is None:
                raise S3Error("MissingSecurityHeader", MissingHeaderName="x-amz-content-sha256")
            return signing.verify_header(
                request, secret_of=self.secret_of, service="s3", payload_hash=payload_hash, now=now
            )
        except SignatureError as error:
            raise S3Error(error.code, error.message) from error

    def check_form(self, fields: Mapping[str, str]) -> None:
        """The signature of a form's policy. Raises: S3Error."""
        if self.secret_of is None:
            return
        policy = fields.get("policy", "")
        try:
            if "x-amz-signature" in fields:
                scope = Scope.read(fields.get("x-amz-credential", ""), "s3")
                expected = signing.sign(signing.known_key(self.secret_of, scope), policy)
                given = fields["x-amz-signature"]
            else:
                expected = _v2(self.secret_of, fields.get("awsaccesskeyid", ""), policy)
                given = fields.get("signature", "")
        except SignatureError as error:
            raise S3Error(error.code, error.message) from error
        if not signing.same(expected, given):
            raise S3Error("SignatureDoesNotMatch")

    def _presigned(self, request: Request, queries: Mapping[str, str], now: datetime) -> Signed | None:
        scope, date, signature, signed_headers = _presigned_fields(queries)
        _check_expiry(queries, date, now)
        if self.secret_of is None:
            return None
        key = signing.known_key(self.secret_of, scope)
        signing.check_signed_headers(
            {name: value for name, value in request.headers.items() if name != "x-amz-content-sha256"}, signed_headers
        )
        payload = request.headers.get("x-amz-content-sha256", signing.UNSIGNED_PAYLOAD)
        canonical = signing.canonical_request(request, signed_headers, payload, double=False, without="X-Amz-Signature")
        signing.compare(key, scope, date, canonical, signature)
        return Signed(key, scope, date, signature)

    def _presigned_v2(
        self, request: Request, queries: Mapping[str, str], now: datetime, bucket: str | None
    ) -> Signed | None:
        """The older signature, which boto3 still makes for presigned URLs of us-east-1."""
        expires = queries["Expires"]
        if not re.fullmatch("[0-9]{1,11}", expires):
            raise S3Error("AccessDenied", "Invalid date (should be seconds since epoch)")
        if now.timestamp() > int(expires):
            raise S3Error("AccessDenied", "Request has expired", Expires=expires, ServerTime=now.isoformat())
        if self.secret_of is not None:
            text = _v2_text(request, queries, bucket)
            expected = _v2(self.secret_of, queries.get("AWSAccessKeyId", ""), text)
            if not signing.same(expected, queries["Signature"]):
                raise S3Error("SignatureDoesNotMatch")
        return None


@dataclass
class ChunkSignatures(ChunkCheck):
    """Each chunk's signature covers the one before it."""

    signed: Signed
    previous: str = ""

    def chunk(self, signature: str, digest: str) -> None:
        self._check("AWS4-HMAC-SHA256-PAYLOAD", f"{_EMPTY}\n{digest}", signature)

    def trailer(self, signature: str, lines: bytes) -> None:
        self._check("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(lines).hexdigest(), signature)

    def _check(self, kind: str, covered: str, signature: str) -> None:
        signed = self.signed
        text = "\n".join((kind, signed.date, signed.scope.text, self.previous or signed.signature, covered))
        if not signing.same(signing.sign(signed.key, text), signature):
            raise S3Error("SignatureDoesNotMatch")
        self.previous = signature


def chunk_check(headers: Mapping[str, str], signed: Signed | None) -> ChunkCheck | None:
    is_signed = headers.get("x-amz-content-sha256", "").startswith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    return ChunkSignatures(signed) if signed is not None and is_signed else None


def _presigned_fields(queries: Mapping[str, str]) -> tuple[Scope, str, str, list[str]]:
    missing = [
        name
        for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
        if f"X-Amz-{name}" not in queries
    ]
    if missing or queries["X-Amz-Algorithm"] != signing.ALGORITHM:
        raise S3Error(
            "AuthorizationQueryParametersError",
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature,"
            " X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        )
    scope = Scope.read(queries["X-Amz-Credential"], "s3")
    return scope, queries["X-Amz-Date"], queries["X-Amz-Signature"], queries["X-Amz-SignedHeaders"].split(";")


def _check_expiry(queries: Mapping[str, str], date: str, now: datetime) -> None:
    begun, expires = signing.read_date(date), queries["X-Amz-Expires"]
    if not re.fullmatch("[0-9]{1,9}", expires) or not 1 <= int(expires) <= LONGEST_EXPIRY:
        raise S3Error(
            "AuthorizationQueryParametersError",
            f"X-Amz-Expires must be a number of seconds between 1 and {LONGEST_EXPIRY}",
        )
    end = begun + timedelta(seconds=int(expires))
    if now > end:
        raise S3Error("AccessDenied", "Request has expired", Expires=end.isoformat(), ServerTime=now.isoformat())
    if begun - now > signing.SKEW:
        raise S3Error("AccessDenied", "Request is not valid yet")


def _v2(secret_of: SecretOf, access_key: str, text: str) -> str:
    secret = secret_of(access_key)
    if secret is None:
        raise S3Error("InvalidAccessKeyId")
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _v2_text(request: Request, queries: Mapping[str, str], bucket: str | None) -> str:
    headers = request.headers
    amazon = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-amz-"))
    covered = sorted(name for name in queries if name in _SUBRESOURCES)
    shown = "&".join(f"{name}={queries[name]}" if queries[name] else name for name in covered)
    resource = (f"/{bucket}" if bucket else "") + request.path + (f"?{shown}" if shown else "")
    lines = (request.method, headers.get("content-md5", ""), headers.get("content-type", ""), queries["Expires"])
    return "\n".join(lines) + f"\n{amazon}{resource}"
