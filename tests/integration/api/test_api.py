"""The HTTP API on real photos, with real weights, over the local cloud."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
import pytest
import urllib3

from rollcall.cli.preparation import read_enrollment
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER
from rollcall.contracts.object_keys import job_id
from rollcall.people.calibration import ErrorRates, load_calibration
from rollcall.people.gallery_store import GalleryStore
from tests.e2e.videos import COLLINS, OBAMA, Videos
from tests.integration.api.running_api import RunningApi, running_api
from tests.integration.throwaway import until

BIDEN = "Joe Biden"


@pytest.fixture(scope="module")
def api(videos: Videos, model_dir: Path) -> Iterator[RunningApi]:
    enrollment = read_enrollment([videos.gallery()], videos.people(), model_dir)
    with running_api(enrollment, model_dir) as running:
        yield running


@pytest.fixture
def photo(videos: Videos) -> "Photos":
    return Photos(videos)


class Photos:
    def __init__(self, videos: Videos) -> None:
        self._videos = videos

    def __call__(self, name: str) -> bytes:
        return (self._videos.photos / name).read_bytes()


@pytest.mark.parametrize(
    ("photo_name", "sent_as", "answer"),
    [
        ("obama2.jpg", "test_05.jpg", f"test_05:{OBAMA}"),
        ("biden.jpg", "../../etc/a.b.jpeg", "a.b:unknown"),
        ("obama3.jpg", "C:\\photos\\x.png", f"x:{OBAMA}"),
    ],
)
def test_a_photo_gets_a_name_at_once(
    api: RunningApi, photo: Photos, photo_name: str, sent_as: str, answer: str
) -> None:
    given = api.send("/", photo(photo_name), name=sent_as)

    assert (given.status, given.body.decode()) == (200, answer)
    assert given.headers["content-type"].startswith("text/plain")


def test_recognize_describes_every_face(api: RunningApi, photo: Photos) -> None:
    answer = api.ask("POST", "/v1/recognize", body=photo("obama2.jpg"), headers={"Content-Type": "image/jpeg"}).json

    (face,) = answer["faces"]
    x, y, width, height = face["box"]
    assert 0 <= x < x + width <= answer["width"] and 0 <= y < y + height <= answer["height"]
    assert len(face["landmarks"]) == 5
    assert (face["name"], face["record"]["number"]) == (OBAMA, 44)
    assert face["similarity"] > 50 and face["distance"] < answer["threshold"]
    shipped = load_calibration(DEFAULT_EMBEDDER).error_rates
    assert isinstance(shipped, ErrorRates)
    assert answer["error_rates"] == json.loads(json.dumps(asdict(shipped)))
    assert face["runner_up"]["name"] == COLLINS and face["runner_up"]["distance"] > face["distance"]
    assert 0 < face["quality"]["weight"] <= 1


def test_a_recognized_photo_persists_and_is_not_worked_on_again(api: RunningApi, photo: Photos) -> None:
    sent = photo("obama3.jpg")
    key = api.send("/v1/recognize", sent).json["key"]

    result = api.ask("GET", f"/v1/results/{key}")

    assert result.status == 200
    assert [person["name"] for person in result.json["people"]] == [OBAMA]
    stored = api.session.s3.get_object(Bucket="test-api-input", Key=key)
    assert stored["Body"].read() == sent
    assert stored["Metadata"] == {"answered": "true"}
    for suffix in (".csv", ".vtt", f"/faces/{OBAMA}-1.jpg"):
        api.session.s3.head_object(Bucket="test-api-output", Key=f"{key}{suffix}")
    api.session.s3.put_object(Bucket="test-api-input", Key="after it.jpg", Body=b"no photo")
    until(lambda: has_job(api, "after it.jpg"))  # the queue has come past the photo
    until(lambda: not any(f.backlog or f.in_flight for f in api.session.cloud.status().values()))
    assert not has_job(api, key)


def has_job(api: RunningApi, key: str) -> bool:
    version = api.session.s3.head_object(Bucket="test-api-input", Key=key)["VersionId"]
    return api.session.jobs.get(job_id(key, version)) is not None


def test_a_stored_photo_can_be_asked_about(api: RunningApi, photo: Photos) -> None:
    api.session.s3.put_object(Bucket="test-api-input", Key="my photo.png", Body=photo("astronaut.png"))

    def ask(bucket: str, key: str) -> tuple[int, dict[str, Any]]:
        answer = api.ask("POST", "/v1/recognize", json={"bucket": bucket, "key": key})
        return answer.status, answer.json

    status, answer = ask("test-api-input", "my photo.png")
    assert (status, answer["faces"][0]["name"], answer["key"]) == (200, COLLINS, "my photo.png")
    assert ask("test-api-input", "none")[0] == 404
    assert ask("test-api-output", "my photo.png")[0] == 403


def test_a_video_is_uploaded_and_followed_to_its_result(api: RunningApi, videos: Videos) -> None:
    asked = api.ask("POST", "/v1/videos", json={"file_name": "C:\\Ferien\\Zoë & Bo 100%.mp4"})
    assert asked.status == 201
    job, upload = asked.json["job"], asked.json["upload"]
    assert api.ask("GET", f"/v1/jobs/{job}").json["status"] == "awaiting-upload"

    form = upload["fields"] | {"file": ("any name.mp4", videos.obama().read_bytes(), "video/mp4")}
    assert urllib3.request("POST", upload["url"], fields=form, retries=False).status in {200, 204}

    end = time.monotonic() + 120
    while (state := api.ask("GET", f"/v1/jobs/{job}").json)["status"] != "done":
        assert state["status"] in {"queued", "running"} and time.monotonic() < end, state
        time.sleep(0.2)
    assert state["recognized"] == state["of"] == state["packs"]
    key = asked.json["key"]
    assert (state["key"], state["state"]) == (key, "done")
    assert re.fullmatch("api/videos/[0-9a-f]{32}/Zoë & Bo 100%\\.mp4", key)
    result = api.ask("GET", f"/v1/results/{quote(key)}").json
    assert [person["name"] for person in result["people"]] == [OBAMA]
    assert api.ask("GET", "/v1/results", fields={"key": key}).json == result


KEYS = ["a b/ü.mp4", "a/../b/./c.mp4", "/abs//twice/", "100%41?x#y&z=+.mp4", "a" * 512, "李" * 170]


@pytest.mark.parametrize("key", [*KEYS, "results", "x.json"])
def test_every_key_that_has_a_result_is_served(api: RunningApi, key: str) -> None:
    api.session.s3.put_object(Bucket="test-api-output", Key=f"{key}.json", Body=key.encode())

    answer = api.ask("GET", "/v1/results", fields={"key": key})

    assert (answer.status, answer.body.decode()) == (200, key)
    if ".." not in key:  # urllib3 shortens such a path
        assert api.ask("GET", f"/v1/results/{quote(key)}").body.decode() == key


@pytest.mark.parametrize(
    "key", ["none", "n" * 1024, "n" * 1020, "ü" * 512, "n" * 1025, "ü" * 1024, "\x00", "\udcff", "a\nb"]
)
def test_a_key_without_a_result_is_not_found(api: RunningApi, key: str) -> None:
    given = quote(key.encode(errors="surrogateescape"), safe="")
    for path in (f"/v1/results/{given}", f"/v1/results?key={given}"):
        answer = api.ask("GET", path)
        assert answer.status == 422 or answer.json["detail"] == "There is no result for this key (yet)."


def test_somebody_is_enrolled_from_photos_recognized_and_forgotten(api: RunningApi, photo: Photos) -> None:
    refused = api.send(f"/v1/people/{BIDEN}/photos", b"no photo", field="photo")
    assert (refused.status, refused.json["code"]) == (422, "no-usable-photo")

    files = [("photo", ("1.jpg", photo("biden.jpg"))), ("photo", ("2.jpg", b"no photo"))]
    enrolled = api.ask("POST", f"/v1/people/{BIDEN}/photos", fields=files).json
    assert [face["photo"] for face in enrolled["enrolled"]] == [1]
    assert [(refusal["photo"], refusal["code"]) for refusal in enrolled["refused"]] == [(2, "unreadable-media")]
    assert api.ask("PUT", f"/v1/people/{BIDEN}", json={"since": 2021}).status == 200
    assert api.ask("GET", f"/v1/people/{BIDEN}").json == {
        "name": BIDEN,
        "record": {"name": BIDEN, "since": 2021},
        "faces": 1,
    }
    recognized = api.send("/v1/recognize", photo("biden.jpg")).json
    assert recognized["faces"][0]["record"]["since"] == 2021
    assert BIDEN in api.ask("GET", f"/v1/results/{recognized['key']}").body.decode()

    forgotten = api.ask("DELETE", f"/v1/people/{BIDEN}").json

    assert (forgotten["record"], forgotten["faces"], forgotten["results"], forgotten["photos"]) == (True, 1, 1, 1)
    assert forgotten["continue_after"] is None
    assert api.send("/", photo("biden.jpg")).body.endswith(b":unknown")
    assert api.ask("GET", f"/v1/people/{BIDEN}").status == 404
    assert BIDEN not in api.ask("GET", f"/v1/results/{recognized['key']}").body.decode()
    again = api.ask("DELETE", f"/v1/people/{BIDEN}").json
    assert (again["record"], again["faces"], again["results"], again["photos"]) == (False, 0, 0, 0)
    for bucket in ("test-api-output", "test-api-input"):
        pages = api.session.s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        keys = [version["Key"] for page in pages for version in page.get("Versions", [])]
        assert keys and not any(BIDEN in key for key in keys)
        assert bucket == "test-api-output" or recognized["key"] not in keys


def test_a_photo_that_would_spoil_a_person_is_refused_with_the_reason(api: RunningApi, photo: Photos) -> None:
    def enroll(name: str, *photos: bytes) -> Any:
        fields = [("photo", (f"{number}.jpg", content)) for number, content in enumerate(photos)]
        return api.ask("POST", f"/v1/people/{name}/photos", fields=fields)

    good = [photo(name) for name in ("obama2.jpg", "obama3.jpg")]
    image = np.asarray(cv2.imdecode(np.frombuffer(photo("biden.jpg"), dtype=np.uint8), cv2.IMREAD_COLOR))
    blurred = cv2.imencode(".jpg", cv2.GaussianBlur(image, (0, 0), 24))[1].tobytes()
    name = "Enrolled By Two"

    alone = enroll(name, blurred)
    assert (alone.status, alone.json["code"]) == (422, "no-usable-photo")
    assert "blurred or noisy; use a sharper photo" in alone.json["detail"]
    together = enroll(name, good[0], photo("biden.jpg"), good[1]).json
    assert [face["photo"] for face in together["enrolled"]] == [1, 3]
    assert [(refusal["photo"], refusal["code"]) for refusal in together["refused"]] == [(2, "looks-different")]
    later = enroll(name, photo("biden.jpg"))
    assert (later.status, later.json["code"]) == (422, "no-usable-photo")
    assert "does not look like the person on the 2 others" in later.json["detail"]
    assert enroll(name, photo("obama.jpg")).status == 200
    assert api.ask("DELETE", f"/v1/people/{name}").json["faces"] == 3


def test_a_tie_between_two_people_is_unknown_with_the_runner_up(api: RunningApi, photo: Photos) -> None:
    twin = "Not The President"
    path = f"/v1/people/{twin}"
    before = api.send("/v1/recognize", photo("obama2.jpg")).json["faces"][0]
    assert (before["name"], before["runner_up"]["name"]) == (OBAMA, COLLINS)

    assert api.ask("POST", f"{path}/photos", fields={"photo": ("1.jpg", photo("obama.jpg"))}).status == 200
    tied = api.send("/v1/recognize", photo("obama2.jpg")).json["faces"][0]
    assert api.ask("DELETE", path).json["faces"] == 1

    assert (tied["name"], tied["record"]) == ("unknown", None)
    assert tied["runner_up"]["name"] in {OBAMA, twin}
    assert tied["runner_up"]["distance"] == pytest.approx(tied["distance"], abs=0.04)


def test_somebody_deleted_elsewhere_is_not_named_for_long(api: RunningApi, photo: Photos) -> None:
    gallery = GalleryStore(api.session.table("faces"))
    other = "Somebody Else"
    assert api.ask("POST", f"/v1/people/{other}/photos", fields={"photo": ("1.jpg", photo("biden.jpg"))}).status == 200
    assert api.send("/", photo("biden.jpg")).body.endswith(other.encode())

    gallery.remove((other, face) for face in gallery.faces_of(other))

    end = time.monotonic() + 30
    while not api.send("/", photo("biden.jpg")).body.endswith(b":unknown"):
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.parametrize("name", ["unknown", "%2E", "a%2Fb", "a%00b", "x" * 101])
def test_names_that_would_spoil_the_gallery_are_refused(api: RunningApi, photo: Photos, name: str) -> None:
    answer = api.send(f"/v1/people/{name}/photos", photo("biden.jpg"), field="photo")

    assert answer.status in {400, 404, 405, 422}


def test_a_record_that_cannot_be_stored_is_explained(api: RunningApi) -> None:
    answer = api.ask("PUT", "/v1/people/Ada", json={"number": 10**50 + 1})

    assert (answer.status, answer.json["code"]) == (422, "bad-record")
    assert "number" in answer.json["detail"]


def test_problems_carry_the_request_id_that_was_given(api: RunningApi) -> None:
    answer = api.ask("GET", "/v1/results/none", headers={"X-Request-Id": "abc-1"})

    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["request_id"] == answer.headers["x-request-id"] == "abc-1"


def test_a_request_id_that_could_forge_a_log_line_is_replaced(api: RunningApi) -> None:
    answer = api.ask("GET", "/healthz", headers={"X-Request-Id": 'x" level="error'})

    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


@pytest.mark.parametrize("host", ["rebound.example:8000", "127.0.0.1.example", ""])
def test_a_web_page_cannot_reach_it_by_another_name(api: RunningApi, host: str) -> None:
    answer = api.ask("DELETE", "/v1/people/Nobody", headers={"Host": host})

    assert answer.status in {400, 403}


def test_a_page_elsewhere_gets_no_permission_to_read(api: RunningApi) -> None:
    page = {"Origin": "https://elsewhere.example"}
    answer = api.ask("GET", "/v1/results/none", headers=page)
    preflight = api.ask("OPTIONS", "/v1/people/Ada", headers=page | {"Access-Control-Request-Method": "DELETE"})

    assert (answer.status, preflight.status) == (403, 403)
    for given in (answer, preflight):
        assert not any(name.lower().startswith("access-control-") for name in given.headers)


def test_the_openapi_document_names_every_route(api: RunningApi) -> None:
    document = json.loads(api.ask("GET", "/openapi.json").body)

    assert set(document["paths"]) == {
        "/",
        "/v1/recognize",
        "/v1/videos",
        "/v1/jobs/{job}",
        "/v1/results",
        "/v1/results/{key}",
        "/v1/people/{name}",
        "/v1/people/{name}/photos",
    }
