"""The query protocol: of its operations clients ask for one, who they are."""

import uuid
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from rollcall.local.store.authorization import Authorization
from rollcall.local.store.http import Request, Response
from rollcall.local.store.identity import ACCOUNT
from rollcall.local.store.request_body import read_whole
from rollcall.local.store.store_errors import ServiceError

MOST_BYTES = 1024 * 1024
_STS = "https://sts.amazonaws.com/doc/2011-06-15/"


def is_query(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return request.method == "POST" and request.path in {"", "/"} and kind == "application/x-www-form-urlencoded"


async def handle(request: Request, authorization: Authorization) -> Response:
    body = await read_whole(request.body, most=MOST_BYTES)
    if body is None:
        return _error(413, "RequestEntityTooLarge", f"A request may hold {MOST_BYTES:,} bytes.", _STS)
    try:
        asked = {name: values[0] for name, values in parse_qs(body.decode(), max_num_fields=100).items()}
    except ValueError:
        return _error(400, "MalformedQueryString", "The body is no form.", _STS)
    action = asked.get("Action", "")
    try:
        authorization.check(request, body, "sts")
    except ServiceError as error:
        return _error(error.status, error.code, error.message, _STS)
    if action == "GetCallerIdentity":
        return _caller()
    return _error(501, "NotImplemented", f"{action[:80] or 'An empty action'} is not supported here.", _STS)


def _caller() -> Response:
    return _answer(
        200,
        f'<GetCallerIdentityResponse xmlns="{_STS}"><GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:root</Arn>'
        f"<UserId>{ACCOUNT}</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
    )


def _error(status: int, code: str, message: str, namespace: str) -> Response:
    return _answer(
        status,
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type><Code>{escape(code)}</Code>'
        f"<Message>{escape(message)}</Message></Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>",
    )


def _answer(status: int, text: str) -> Response:
    body = "".join(character for character in text if character >= " ").encode("utf-8", "replace")
    return Response(status=status, headers={"content-type": "text/xml"}, body=body)
