"""Pages in a real browser: those of other sites get nothing of this machine, and change nothing on it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from rollcall.cli.preparation import Enrollment
from rollcall.pipeline.settings import Settings
from tests.integration.api.browser import CHROMIUM, PageServer, opened, page_server, shown
from tests.integration.api.running_api import RunningApi, running_api

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")

PREFIX = "test-pages"
CROP = "party/clip.mp4/faces/Bo-1.jpg"
SECRET = "born-1815"
PAGE = Path(__file__).with_name("attacks.html")


@pytest.fixture(scope="module")
def pages(demo_photos: Path) -> Iterator[PageServer]:
    files = {
        "/": ("text/html", PAGE.read_bytes()),
        "/photo.jpg": ("image/jpeg", (demo_photos / "biden.jpg").read_bytes()),
    }
    with page_server(files) as pages:
        yield pages


@pytest.fixture(scope="module")
def api(pages: PageServer, model_dir: Path) -> Iterator[RunningApi]:
    enrollment = Enrollment(faces=[], records=[{"name": "Ada", "born": SECRET}])
    settings = Settings(prefix=PREFIX, max_concurrency=1, api_cors_origins=f"http://app.test:{pages.port}")
    with running_api(enrollment, model_dir, settings) as running:
        photo = pages.files["/photo.jpg"][1]
        running.session.s3.put_object(Bucket=f"{PREFIX}-output", Key=CROP, Body=photo, ContentType="image/jpeg")
        yield running


def state(api: RunningApi) -> dict[str, Any]:
    """All that a page may want to change."""
    s3, sqs = api.session.s3, api.session.cloud.client("sqs")
    queue = sqs.get_queue_url(QueueName=f"{PREFIX}-results")["QueueUrl"]
    count = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
    return {
        "people": sorted(record["name"] for record in api.session.table("people").scan()["Items"]),
        "faces": sorted(face["name"] for face in api.session.table("faces").scan()["Items"]),
        "messages": count["Attributes"]["ApproximateNumberOfMessages"],
        **{
            role: sorted(item["Key"] for item in s3.list_objects_v2(Bucket=f"{PREFIX}-{role}").get("Contents", []))
            for role in ("input", "output")
        },
    }


def attempts(pages: PageServer, api: RunningApi, host: str, profile: Path) -> dict[str, str]:
    asked = {
        "api": api.server.url,
        "aws": api.session.cloud.endpoint_url,
        "prefix": PREFIX,
        "name": "Ada",
        "crop": CROP,
        **{f"for_{role}": json.dumps(_signed_form(api, role)) for role in ("input", "output")},
    }
    with opened(f"http://{host}:{pages.port}/?{urlencode(asked)}", profile):
        report: dict[str, str] = pages.wait_for_report()
    assert "error" not in report
    return report


def _signed_form(api: RunningApi, role: str) -> dict[str, str]:
    """Its fields, for any key: a page has to be refused because of where it comes from."""
    fields: dict[str, str] = api.session.s3.generate_presigned_post(f"{PREFIX}-{role}", "${filename}")["fields"]
    return fields


@pytest.mark.parametrize("host", ["evil.test", "localhost"])  # another site, and the same one on another port
def test_a_page_of_another_origin_gets_nothing_through(
    pages: PageServer, api: RunningApi, host: str, tmp_path: Path
) -> None:
    before = state(api)

    report = attempts(pages, api, host, tmp_path)

    assert state(api) == before
    assert set(report.values()) <= {"blocked", "sent", "loaded", "waited"}


def test_pages_of_a_configured_origin_use_the_api_and_upload_forms_and_no_more(
    pages: PageServer, api: RunningApi, tmp_path: Path
) -> None:
    before = state(api)

    report = attempts(pages, api, "app.test", tmp_path)

    after = state(api)
    assert SECRET in report["api: read a person"]
    assert report["api: recognize"].startswith("200 ")
    assert report["api: delete"].startswith("200 ")
    assert after["people"] == ["Mallory3"]
    assert set(after["faces"]) == {"Mallory", "Mallory2"}
    assert {"by-fetch.txt", "by-form.txt", "by-name.txt"} <= set(after["input"])
    assert "put.txt" not in after["input"]
    assert "output.txt" not in after["output"] and CROP in after["output"]
    for attempt in ("put", "delete", "list", "read", "show", "show by name", "message by image"):
        assert report[f"aws: {attempt}"] == "blocked"
    assert before["people"] == ["Ada"]


def test_what_a_browser_shows_by_a_name_that_is_not_this_machines(api: RunningApi, tmp_path: Path) -> None:
    api.session.table("people").put_item(Item={"name": "Ada", "born": SECRET})
    api_port, aws_port = (urlsplit(url).port for url in (api.server.url, api.session.cloud.endpoint_url))

    assert SECRET in shown(f"http://127.0.0.1:{api_port}/v1/people/Ada", tmp_path)
    assert CROP in shown(f"http://localhost:{aws_port}/{PREFIX}-output?list-type=2", tmp_path)
    assert CROP in shown(f"http://{PREFIX}-output.localhost:{aws_port}/?list-type=2", tmp_path)
    assert SECRET not in shown(f"http://rebound.test:{api_port}/v1/people/Ada", tmp_path)
    for address in (f"rebound.test:{aws_port}/{PREFIX}-output", f"{PREFIX}-output.rebound.test:{aws_port}/"):
        assert CROP not in shown(f"http://{address}?list-type=2", tmp_path)
