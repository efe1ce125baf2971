"""The API behind an HTTP API whose routes ask for IAM, with pages of one other origin allowed to use it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from rollcall.cli.preparation import Enrollment
from rollcall.cli.session import Session, open_session
from rollcall.contracts.object_keys import result_key
from rollcall.pipeline.settings import Settings
from tests.integration.api.lambda_api import PREFIX, LambdaApi, json_of, running_lambda_api

CALLER = "arn:aws:iam::123456789012:user/ada"
SIGNED = {"iam": {"userArn": CALLER, "accountId": "123456789012", "callerId": "AIDA", "accessKey": "AKIA"}}
ORIGIN, OTHER_ORIGIN = "https://app.example", "https://elsewhere.example"
ALLOW_ORIGIN = "access-control-allow-origin"


ORIGINS = f"{ORIGIN}, https://second.example"


@pytest.fixture(scope="module")
def session(model_dir: Path) -> Iterator[Session]:
    nobody = Enrollment(faces=[], records=[])
    settings = Settings(prefix=PREFIX, api_cors_origins=ORIGINS)
    with open_session(settings, nobody, port=0, model_dir=model_dir, log_dir=None) as running:
        yield running


@pytest.fixture(scope="module")
def api(session: Session) -> Iterator[LambdaApi]:
    with running_lambda_api(session, {"AUTH": "iam", "CORS_ORIGINS": ORIGINS}) as running:
        yield running


def test_who_the_gateway_has_checked_may_ask_without_a_key(api: LambdaApi) -> None:
    record = json.dumps({"born": 1815}).encode()
    kind = {"content-type": "application/json"}

    stored = api("PUT", "/v1/people/Ada", body=record, headers=kind, authorizer=SIGNED)
    read = api("GET", "/v1/people/Ada", authorizer=SIGNED)

    assert (stored["statusCode"], read["statusCode"]) == (200, 200)
    assert json_of(read)["record"] == {"name": "Ada", "born": 1815}


@pytest.mark.parametrize(
    "authorizer",
    [
        None,
        {},
        {"iam": None},
        {"iam": {}},
        {"iam": {"userArn": ""}},
        {"iam": CALLER},
        {"jwt": {"claims": {"sub": "ada"}}},
        {"lambda": {"userArn": CALLER}},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/"), ("GET", "/v1/people/Ada"), ("DELETE", "/v1/people/Ada"), ("POST", "/v1/videos")]
)
def test_whom_the_gateway_has_not_checked_is_refused(api: LambdaApi, method: str, path: str, authorizer: Any) -> None:
    forged = {
        "content-type": "application/json",
        "x-api-key": f"rc_{'0' * 16}_{'A' * 43}",
        "authorization": f"AWS4-HMAC-SHA256 Credential={CALLER}",
        "x-amzn-request-context": json.dumps({"authorizer": SIGNED}),
    }

    answer = api(method, path, body=b"{}", headers=forged, authorizer=authorizer)

    assert answer["statusCode"] == 401
    assert answer["headers"]["content-type"] == "application/problem+json"
    problem = json_of(answer)
    assert problem["code"] == "unauthenticated"
    assert "IAM principal" in problem["detail"]
    assert problem["request_id"] == answer["headers"]["x-request-id"]


def preflight(api: LambdaApi, origin: str) -> dict[str, Any]:
    asked = {
        "access-control-request-method": "PUT",
        "access-control-request-headers": "authorization,content-type,x-api-key",
    }
    return api("OPTIONS", "/v1/people/Ada", headers={"origin": origin} | asked)


def covers(allowed: str, *headers: str) -> bool:
    """The Fetch standard says: a wildcard covers every header but Authorization."""
    names = {name.strip().lower() for name in allowed.split(",")}
    return all(header in names or ("*" in names and header != "authorization") for header in headers)


@pytest.mark.parametrize("origin", [ORIGIN, "https://second.example"])
def test_a_page_of_an_allowed_origin_may_ask_and_read(api: LambdaApi, origin: str) -> None:
    allowed = preflight(api, origin)
    answer = api("GET", "/v1/results/none", headers={"origin": origin}, authorizer=SIGNED)
    refusal = api("GET", "/v1/results/none", headers={"origin": origin})

    assert allowed["statusCode"] == 200
    assert allowed["headers"][ALLOW_ORIGIN] == origin
    assert "PUT" in allowed["headers"]["access-control-allow-methods"]
    assert covers(allowed["headers"]["access-control-allow-headers"], "authorization", "content-type", "x-api-key")
    assert (answer["statusCode"], answer["headers"][ALLOW_ORIGIN]) == (404, origin)
    assert (refusal["statusCode"], refusal["headers"][ALLOW_ORIGIN]) == (401, origin)  # a page may read why
    for given in (allowed, answer, refusal):
        assert "origin" in given["headers"]["vary"].lower()  # or else a cache gives one origin's answer to another
        assert "access-control-allow-credentials" not in given["headers"]


@pytest.mark.parametrize(
    "origin", [OTHER_ORIGIN, "null", "https://app.example.elsewhere.example", "http://app.example"]
)
def test_a_page_elsewhere_may_neither(api: LambdaApi, origin: str) -> None:
    refused = preflight(api, origin)
    answer = api("GET", "/v1/results/none", headers={"origin": origin}, authorizer=SIGNED)

    assert refused["statusCode"] == 400
    assert ALLOW_ORIGIN not in refused["headers"]
    assert ALLOW_ORIGIN not in answer["headers"]


def asked_for_upload(api: LambdaApi) -> dict[str, Any]:
    kind = {"content-type": "application/json", "origin": ORIGIN}
    answer = api("POST", "/v1/videos", body=b"{}", headers=kind, authorizer=SIGNED)
    assert (answer["statusCode"], answer["headers"][ALLOW_ORIGIN]) == (201, ORIGIN)
    upload: dict[str, Any] = json_of(answer)
    return upload


def test_a_page_of_an_allowed_origin_uploads_by_the_form(session: Session, api: LambdaApi) -> None:
    """Uploads like a browser: it asks in advance, sends the form with the page's origin, and lets the page read."""
    wanted = asked_for_upload(api)
    form = wanted["upload"]
    in_advance = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Sec-Fetch-Site": "cross-site",
    }

    with urllib3.PoolManager() as browser:
        allowed = browser.request("OPTIONS", form["url"], headers=in_advance)
        fields = [*form["fields"].items(), ("file", ("holiday.mp4", b"a video", "video/mp4"))]
        page = {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}
        sent = browser.request("POST", form["url"], fields=fields, headers=page)

    assert (allowed.status, allowed.headers[ALLOW_ORIGIN]) == (200, ORIGIN)
    assert "POST" in allowed.headers["access-control-allow-methods"]
    assert covers(allowed.headers["access-control-allow-headers"], "authorization", "content-type")
    assert sent.status in {200, 201, 204}
    assert sent.headers[ALLOW_ORIGIN] == ORIGIN
    assert session.s3.get_object(Bucket=f"{PREFIX}-input", Key=wanted["key"])["Body"].read() == b"a video"


def test_a_page_elsewhere_may_not_upload(api: LambdaApi) -> None:
    url = asked_for_upload(api)["upload"]["url"]
    asked = {"Origin": OTHER_ORIGIN, "Access-Control-Request-Method": "POST"}

    with urllib3.PoolManager() as browser:
        refused = browser.request("OPTIONS", url, headers=asked)

    assert refused.headers.get(ALLOW_ORIGIN) not in {OTHER_ORIGIN, "*"}


def test_a_key_too_long_for_its_result_to_be_named_after_it_finds_its_result(session: Session, api: LambdaApi) -> None:
    key = "k" * 1024
    answer = {"video": key, "status": "failed", "error": {"code": "bad-media", "message": "Too long."}}
    session.s3.put_object(Bucket=f"{PREFIX}-output", Key=result_key(key), Body=json.dumps(answer).encode())

    found = api("GET", f"/v1/results/{key}", authorizer=SIGNED)

    assert (found["statusCode"], json_of(found)) == (200, answer)
