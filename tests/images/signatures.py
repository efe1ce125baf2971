"""Whether AWS would take a request's signature: version 4, in a header, in a URL, or over a form's policy.

Written from AWS's description of the algorithm and not with botocore, which made the signatures that are checked here.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, quote

from werkzeug.formparser import parse_form_data

MOST_SKEW = timedelta(minutes=15)
_TIME = "%Y%m%dT%H%M%SZ"
_NOT_IN_POLICY = {"policy", "x-amz-signature", "file"}


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    target: str  # path and query, as sent
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(self.target.partition("?")[2], keep_blank_values=True)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The one account that there is."""

    access_key: str
    secret_key: str
    token: str
    region: str


class NotSigned(Exception):
    """AWS would refuse it; `code` is AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def require_signature(request: Request, caller: Caller) -> str:
    """The service that the signature is for; raises NotSigned."""
    query = dict(request.query)
    if "X-Amz-Signature" in query:
        return _check_url(request, query, caller)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return _check_form(request, caller)
    return _check_header(request, caller)


def _check_header(request: Request, caller: Caller) -> str:
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        raise NotSigned("MissingAuthenticationToken", "no signature of version 4")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    _require_token(request.headers.get("x-amz-security-token"), caller)
    given = request.headers.get("x-amz-content-sha256")
    payload = given or hashlib.sha256(request.body).hexdigest()
    if len(payload) == hashlib.sha256().digest_size * 2 and payload != hashlib.sha256(request.body).hexdigest():
        raise NotSigned("XAmzContentSHA256Mismatch", "the body is not the one that was signed")
    time = request.headers.get("x-amz-date", "")
    _require_now(time)
    return _compare(request, request.query, parts, caller, time=time, payload=payload)


def _check_url(request: Request, query: Mapping[str, str], caller: Caller) -> str:
    _require_token(query.get("X-Amz-Security-Token"), caller)
    begun = datetime.strptime(query["X-Amz-Date"], _TIME).replace(tzinfo=UTC)
    if not begun - MOST_SKEW <= datetime.now(UTC) <= begun + timedelta(seconds=int(query["X-Amz-Expires"])):
        raise NotSigned("AccessDenied", "the URL has expired")
    parts = {
        "Credential": query["X-Amz-Credential"],
        "SignedHeaders": query["X-Amz-SignedHeaders"],
        "Signature": query["X-Amz-Signature"],
    }
    signed = [(name, value) for name, value in request.query if name != "X-Amz-Signature"]
    return _compare(request, signed, parts, caller, time=query["X-Amz-Date"], payload="UNSIGNED-PAYLOAD")


def _check_form(request: Request, caller: Caller) -> str:
    fields, size = _read_form(request)
    service = _require_scope(fields.get("x-amz-credential", ""), caller)
    _require_token(fields.get("x-amz-security-token"), caller)
    policy = fields.get("policy", "")
    expected = _signature(policy, fields["x-amz-date"][:8], service, caller)
    if not hmac.compare_digest(expected, fields.get("x-amz-signature", "")):
        raise NotSigned("SignatureDoesNotMatch", "the policy's signature is not right")
    _check_policy(json.loads(base64.b64decode(policy)), fields, size)
    return service


def _read_form(request: Request) -> tuple[dict[str, str], int]:
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": request.headers["content-type"],
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.input": BytesIO(request.body),
    }
    _, form, files = parse_form_data(environ)
    size = len(files["file"].read())
    files["file"].close()
    bucket = request.headers["host"].partition(".")[0]
    return {name.lower(): value for name, value in form.items()} | {"bucket": bucket}, size


def _check_policy(policy: dict[str, Any], fields: Mapping[str, str], size: int) -> None:
    expires = datetime.strptime(policy["expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    if datetime.now(UTC) > expires:
        raise NotSigned("AccessDenied", "the form has expired")
    named = set()
    for condition in policy["conditions"]:
        if isinstance(condition, list) and condition[0] == "content-length-range":
            if not condition[1] <= size <= condition[2]:
                raise NotSigned("EntityTooLarge", f"{size} bytes are not from {condition[1]} to {condition[2]}")
            continue
        ((name, value),) = condition.items() if isinstance(condition, dict) else [(condition[1][1:], condition[2])]
        named.add(name.lower())
        if fields.get(name.lower()) != value:
            raise NotSigned("AccessDenied", f"the policy asks for another {name}")
    if extra := set(fields) - named - _NOT_IN_POLICY:
        raise NotSigned("AccessDenied", f"the policy does not name {', '.join(sorted(extra))}")


def _compare(
    request: Request,
    query: list[tuple[str, str]],
    parts: Mapping[str, str],
    caller: Caller,
    *,
    time: str,
    payload: str,
) -> str:
    service = _require_scope(parts["Credential"], caller)
    signed = parts["SignedHeaders"].split(";")
    # every service but S3 encodes the path, which came encoded, once more
    path = request.path if service == "s3" else quote(request.path, safe="/~-_.")
    canonical = "\n".join(
        [
            request.method,
            path,
            "&".join(f"{name}={value}" for name, value in sorted((_encode(n), _encode(v)) for n, v in query)),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in signed),
            "",
            parts["SignedHeaders"],
            payload,
        ]
    )
    scope = parts["Credential"].partition("/")[2]
    text = "\n".join(["AWS4-HMAC-SHA256", time, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    expected = _signature(text, time[:8], service, caller)
    if "host" not in signed or not hmac.compare_digest(expected, parts["Signature"]):
        raise NotSigned("SignatureDoesNotMatch", f"the signature for {request.headers.get('host')} is not right")
    return service


def _require_scope(credential: str, caller: Caller) -> str:
    access_key, _, scope = credential.partition("/")
    if access_key != caller.access_key:
        raise NotSigned("InvalidAccessKeyId", f"there is no key {access_key!r}")
    _, region, service, end = scope.split("/")
    if (region, end) != (caller.region, "aws4_request"):
        raise NotSigned("AuthorizationHeaderMalformed", f"signed for {region}, expecting {caller.region}")
    return service


def _require_token(token: str | None, caller: Caller) -> None:
    if token != caller.token:
        raise NotSigned("InvalidToken", "the session's token is missing or not right")


def _require_now(time: str) -> None:
    signed = datetime.strptime(time, _TIME).replace(tzinfo=UTC)
    if abs(datetime.now(UTC) - signed) > MOST_SKEW:
        raise NotSigned("RequestTimeTooSkewed", f"signed at {time}")


def _signature(text: str, day: str, service: str, caller: Caller) -> str:
    key = f"AWS4{caller.secret_key}".encode()
    for part in (day, caller.region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")
