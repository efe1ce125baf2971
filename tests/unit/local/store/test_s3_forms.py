import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.unit.local.store.running_s3 import KEY, SECRET, Running, running_s3


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_s3(tmp_path_factory.mktemp("forms"), secret_of={KEY: SECRET}.get) as running:
        yield running


def _send(store: Running, bucket: str, fields: dict[str, Any], content: bytes = b"content", name: str = "a.jpg") -> Any:
    parts = b"".join(
        f'--edge\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        for field, value in fields.items()
    )
    # browsers name a type with each file; no policy speaks of it
    disposition = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    file = f"--edge\r\n{disposition}\r\nContent-Type: text/x-browser\r\n\r\n".encode()
    body = parts + file + content + b"\r\n--edge--\r\n"
    return store.ask("POST", f"/{bucket}", body=body, headers={"content-type": "multipart/form-data; boundary=edge"})


def _policy(*conditions: Any, minutes: float = 5, expires: str | None = None) -> str:
    expires = expires or (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return base64.b64encode(json.dumps({"expiration": expires, "conditions": list(conditions)}).encode()).decode()


def _signed(policy: str, **fields: str) -> dict[str, str]:
    """With the older signature: one line."""
    signature = base64.b64encode(hmac.new(SECRET.encode(), policy.encode(), hashlib.sha1).digest()).decode()
    return {"AWSAccessKeyId": KEY, "policy": policy, "signature": signature, **fields}


@pytest.mark.parametrize("signature", ["s3v4", "s3"])
def test_a_form_of_an_sdk_uploads(store: Running, s3: Any, bucket: str, signature: str) -> None:
    form = store.client(signature=signature).generate_presigned_post(
        bucket,
        "in/${filename}",
        Fields={"Content-Type": "image/jpeg", "x-amz-meta-job": "ü"},
        Conditions=[{"Content-Type": "image/jpeg"}, {"x-amz-meta-job": "ü"}, ["content-length-range", 1, 100]],
    )

    answer = _send(store, bucket, form["fields"])

    assert (answer.status, answer.headers["etag"]) == (204, f'"{hashlib.md5(b"content").hexdigest()}"')
    found = s3.get_object(Bucket=bucket, Key="in/a.jpg")
    assert (found["Body"].read(), found["ContentType"]) == (b"content", "image/jpeg")
    assert found["Metadata"]["job"].encode("latin-1").decode() == "ü"
    assert _send(store, bucket, form["fields"] | {"x-amz-meta-job": "other"}).status == 403
    assert _send(store, bucket, form["fields"] | {"x-amz-meta-more": "1"}).status == 403
    assert _send(store, bucket, form["fields"], b"x" * 101).status == 400
    assert _send(store, bucket, form["fields"], b"").status == 400
    other = form["fields"] | {"policy": _policy({"bucket": bucket}, ["starts-with", "$key", ""])}
    assert _send(store, bucket, other).status == 403


def test_the_type_of_an_object_is_a_field_of_the_form(store: Running, s3: Any, bucket: str) -> None:
    assert _send(store, bucket, _signed(_policy({"key": "key"}), key="key")).status == 204

    assert s3.head_object(Bucket=bucket, Key="key")["ContentType"] == "binary/octet-stream"


def test_a_large_form_is_streamed(store: Running, s3: Any, bucket: str) -> None:
    fields = _signed(_policy(["starts-with", "$key", ""]), key="large")
    content = b"\r\n--edg" * 200_000

    assert _send(store, bucket, fields, content).status == 204
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == content


def test_answers_to_forms(store: Running, s3: Any, bucket: str) -> None:
    policy = _policy(
        ["starts-with", "$key", ""],
        ["starts-with", "$success_action_status", ""],
        ["starts-with", "$success_action_redirect", ""],
    )

    created = _send(store, bucket, _signed(policy, key="a&b", success_action_status="201"))
    assert (created.status, b"<Key>a&amp;b</Key>" in created.data) == (201, True)
    assert _send(store, bucket, _signed(policy, key="k", success_action_status="404")).status == 204
    moved = _send(store, bucket, _signed(policy, key="k&=", success_action_redirect="http://127.0.0.1/x?y=z"))
    assert moved.status == 303
    told = parse_qs(urlsplit(moved.headers["location"]).query)
    assert (told["key"], told["bucket"], told["y"]) == (["k&="], [bucket], ["z"])
    assert _send(store, bucket, _signed(policy, key="k", success_action_redirect="javascript:x")).status == 204


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        (_policy(["starts-with", "$key", "in/"]), 403),
        (_policy({"bucket": "another"}, ["starts-with", "$key", ""]), 403),
        (_policy({"key": "Key"}), 403),
        (_policy(["starts-with", "$key", ""], minutes=-1), 403),
        (_policy(["starts-with", "$key", ""], expires="2999-01-01"), 400),
        (_policy(["matches", "$key", ""]), 400),
        (_policy(["starts-with", "$key", 1]), 400),
        (_policy(["content-length-range", "a", 1]), 400),
        (_policy({}), 400),
        (_policy("text"), 400),
        ("", 400),
        ("bm9uc2Vuc2U=", 400),
        (base64.b64encode(b"[" * 100_000).decode()[:15_000], 400),
        (_policy(), 403),
    ],
    ids=map(str, range(14)),  # a policy holds a time: workers of the tests would not know each other's
)
def test_policies_that_do_not_allow_it(store: Running, s3: Any, bucket: str, policy: str, status: int) -> None:
    answer = _send(store, bucket, _signed(policy, key="key"))

    assert answer.status == status, answer.data
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_forms_without_a_policy_or_a_signature(store: Running, bucket: str) -> None:
    signed = _signed(_policy(["starts-with", "$key", ""]), key="key")

    assert _send(store, bucket, {"key": "key"}).status == 403
    for left_out in ("signature", "AWSAccessKeyId", "key"):
        fields = {name: value for name, value in signed.items() if name != left_out}
        assert _send(store, bucket, fields).status in (400, 403)
    assert _send(store, bucket, signed | {"signature": "wrong"}).status == 403


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/form-data; boundary=edge"),
        (b"--edge\r\n", "multipart/form-data; boundary=edge"),
        (b"--edge--\r\n", "multipart/form-data; boundary=edge"),
        (b"nonsense", "multipart/form-data"),
        (b"nonsense", "multipart/form-data; boundary=" + "x" * 300),
        (
            b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 50_000,
            "multipart/form-data; boundary=edge",
        ),
        (b"--edge\r\n" + b"A: b\r\n" * 5000, "multipart/form-data; boundary=edge"),
        (
            b'--edge\r\nContent-Disposition: form-data; name="key"\r\n\r\n\xff\r\n--edge--',
            "multipart/form-data; boundary=edge",
        ),
    ],
)
def test_broken_forms_are_refused(store: Running, bucket: str, body: bytes, kind: str) -> None:
    assert store.ask("POST", f"/{bucket}", body=body, headers={"content-type": kind}).status == 400
