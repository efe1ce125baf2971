"""The API behind an HTTP API whose routes ask for IAM, with pages of one other origin allowed to use it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.pipeline import Settings
from local.preparation import Enrolment
from local.session import open_session
from model.build.folder import ensure_model_files
from tests.integration.lambda_api import PREFIX, LambdaApi, json_of, running_lambda_api

CALLER = "arn:aws:iam::123456789012:user/ada"
SIGNED = {"iam": {"userArn": CALLER, "accountId": "123456789012", "callerId": "AIDA", "accessKey": "AKIA"}}
ORIGIN, OTHER_ORIGIN = "https://app.example", "https://elsewhere.example"
ALLOW_ORIGIN = "access-control-allow-origin"


@pytest.fixture(scope="module")
def api() -> Iterator[LambdaApi]:
    nobody, model_dir = Enrolment(faces=[], records=[]), ensure_model_files(progress=print)
    with (
        open_session(Settings(prefix=PREFIX), nobody, port=0, model_dir=model_dir, log_dir=None) as session,
        running_lambda_api(session, {"AUTH": "iam", "CORS_ORIGINS": f"{ORIGIN}, https://second.example"}) as running,
    ):
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
    asked = {"access-control-request-method": "PUT", "access-control-request-headers": "content-type,x-api-key"}
    return api("OPTIONS", "/v1/people/Ada", headers={"origin": origin} | asked)


@pytest.mark.parametrize("origin", [ORIGIN, "https://second.example"])
def test_a_page_of_an_allowed_origin_may_ask_and_read(api: LambdaApi, origin: str) -> None:
    allowed = preflight(api, origin)
    answer = api("GET", "/v1/results/none", headers={"origin": origin}, authorizer=SIGNED)
    refusal = api("GET", "/v1/results/none", headers={"origin": origin})

    assert allowed["statusCode"] == 200
    assert allowed["headers"][ALLOW_ORIGIN] == origin
    assert "PUT" in allowed["headers"]["access-control-allow-methods"]
    assert "x-api-key" in allowed["headers"]["access-control-allow-headers"]
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
