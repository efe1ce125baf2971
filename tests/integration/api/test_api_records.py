"""Records by HTTP: what is stored, and what is refused before or after it is parsed."""

import json
import socket
import unicodedata
from urllib.parse import quote

import pytest

from rollcall.api.routes.routes_videos import MAX_QUESTION_BYTES
from rollcall.people.people_store import MAX_RECORD_BYTES
from tests.integration.api.running_api import Answer, RunningApi

ADA = "/v1/people/Ada"


def put(api: RunningApi, body: bytes, *, kind: str = "application/json") -> Answer:
    return api.ask("PUT", ADA, body=body, headers={"Content-Type": kind})


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'\xef\xbb\xbf{"name": "Ada", "born": 1815, "height": 1.65, "tags": ["a", null, true], "of": {"x": "\\u00fc"}}',
        '{"city": "Zürich"}'.encode(),
    ],
)
def test_a_record_comes_back_as_it_was_sent(api: RunningApi, body: bytes) -> None:
    answer = put(api, body, kind="application/json; charset=utf-8")

    assert answer.status == 200
    assert answer.json["record"] == json.loads(body.decode("utf-8-sig")) | {"name": "Ada"}
    assert api.ask("GET", ADA).json == answer.json


NAMES = [unicodedata.normalize(form, "Zoë Müller") for form in ("NFC", "NFD")]


@pytest.mark.parametrize("addressed", NAMES)
@pytest.mark.parametrize("named", NAMES)
def test_a_name_is_the_same_however_its_accents_are_composed(api: RunningApi, addressed: str, named: str) -> None:
    where = f"/v1/people/{quote(addressed)}"
    body = json.dumps({"name": named, "born": 1900}).encode()

    answer = api.ask("PUT", where, body=body, headers={"Content-Type": "application/json"})

    assert answer.status == 200
    assert answer.json["record"] == {"name": NAMES[0], "born": 1900}
    assert [api.ask("GET", f"/v1/people/{quote(name)}").status for name in NAMES] == [200, 200]
    assert api.ask("DELETE", where).json["record"] is True


@pytest.mark.parametrize(
    ("body", "status", "code", "reason"),
    [
        (b"", 400, "bad-json", "not valid JSON"),
        (b"{", 400, "bad-json", "not valid JSON"),
        (b"[]", 400, "bad-json", "a JSON object"),
        (b'"Ada"', 400, "bad-json", "a JSON object"),
        (b"\xff{}", 400, "bad-json", "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), 400, "bad-json", "UTF-8"),
        (b'{"a": NaN}', 400, "bad-json", "NaN is not a JSON number"),
        (b'{"a": [1, {"b": Infinity}]}', 400, "bad-json", "Infinity is not a JSON number"),
        (b'{"a": -Infinity}', 400, "bad-json", "-Infinity is not a JSON number"),
        (b'{"a": 1e999}', 422, "bad-record", "'a': inf is not a number"),
        (b'{"a": [-1e999]}', 422, "bad-record", "'a': -inf is not a number"),
        (b'{"a": 1e-200}', 422, "bad-record", "out of range"),
        (b'{"a": ' + b"1" * 5000 + b"}", 400, "bad-json", "5000 digits"),
        (b'{"a": ' + b"[" * 200_000, 400, "bad-json", "nested too deeply"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", 422, "bad-record", "nested more than 32 levels"),
        (b'{"a": "\\ud800"}', 422, "bad-record", "not valid text"),
        (b'{"": 1}', 422, "bad-record", "a field has no name"),
        (b'{"name": "Grace"}', 400, "other-name", "not the one in the address"),
        (b'{"name": ["Ada"]}', 400, "other-name", "not the one in the address"),
        (b'{"name": null}', 400, "other-name", "not the one in the address"),
    ],
)
def test_what_cannot_be_a_record_is_explained(
    api: RunningApi, body: bytes, status: int, code: str, reason: str
) -> None:
    answer = put(api, body)

    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert reason in answer.json["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
def test_a_record_of_another_content_type_is_refused(api: RunningApi, kind: str) -> None:
    answer = put(api, b"{}", kind=kind)

    assert (answer.status, answer.json["code"]) == (400, "bad-json")


def record_of(size: int) -> bytes:
    return b'{"text": "' + b"x" * (size - len(b'{"text": ""}')) + b'"}'


def test_a_record_over_the_limit_is_refused(api: RunningApi) -> None:
    answer = put(api, record_of(MAX_RECORD_BYTES + 1))

    assert (answer.status, answer.json["code"]) == (413, "too-large")
    assert answer.json["detail"] == "The body is larger than 400 KiB, which is the limit. Send a smaller one."
    assert put(api, record_of(MAX_RECORD_BYTES - 10 * 1024)).status == 200  # the name is part of the record


@pytest.mark.parametrize(("header", "pieces"), [(b"Content-Length: 104857600", 0), (b"Transfer-Encoding: chunked", 25)])
def test_a_record_over_the_limit_is_refused_while_it_is_sent(api: RunningApi, header: bytes, pieces: int) -> None:
    """Nothing of the first one's body, and no end of the other's, is ever sent."""
    answer = b""
    with socket.create_connection(("127.0.0.1", int(api.server.url.rpartition(":")[2])), timeout=30) as client:
        head = b"PUT /v1/people/Ada HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        client.sendall(head + header + b"\r\n\r\n")
        try:
            for _ in range(pieces):
                client.sendall(b"8000\r\n" + b"[" * 0x8000 + b"\r\n")
            answer = client.recv(100)
        except ConnectionError:
            assert pieces  # refused while it was being sent
    assert answer.startswith(b"HTTP/1.1 413 ") or pieces
    assert api.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"content_type": "' + b"v" * MAX_QUESTION_BYTES + b'"}', 413),
        (b'{"content_type": "text/html"}', 422),
        (b"{", 400),
    ],
)
def test_asking_for_an_upload_is_bounded_too(api: RunningApi, body: bytes, status: int) -> None:
    answer = api.ask("POST", "/v1/videos", body=body, headers={"Content-Type": "application/json"})

    assert answer.status == status
    assert answer.json["detail"]
