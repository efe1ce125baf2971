"""A file that is added to the table of output files is published, announced, fetched, forgotten and deleted."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from rollcall.cli.outputs import Places, download_outputs, remove_outputs
from rollcall.contracts.events import Upload
from rollcall.contracts.object_keys import output_key, result_key
from rollcall.local.cloud import LocalCloud
from rollcall.people.gallery_store import GalleryStore
from rollcall.people.people_store import PeopleStore
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from rollcall.results import output_files
from rollcall.results.announce import announcement_of
from rollcall.results.forget import Forgetter
from rollcall.results.output_files import OutputFile, stored_keys
from rollcall.results.publisher import Publication, Publisher
from rollcall.results.result import Failure, Result
from tests.unit.made_results import failure, person, result

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEYS: dict[str, Any] = {"region_name": "us-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
BUCKET = "table-output"
KEY = "party/clip.mp4"
CREDITS = OutputFile(
    label="credits",
    name="<input key>.credits.html",
    content_type="text/html; charset=utf-8",
    made_by="pipeline",
    holds_names=True,
    per="upload",
    key=lambda key: output_key(key, ".credits.html"),
    render=lambda found: f"with {' and '.join(person.name for person in found.people)}",
)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    pipeline = dataclasses.replace(describe(Settings(prefix="table")), functions=())
    with LocalCloud(pipeline) as cloud:
        yield cloud


@pytest.fixture
def s3(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator["S3Client"]:
    monkeypatch.setattr(output_files, "OUTPUT_FILES", (*output_files.OUTPUT_FILES, CREDITS))
    client = cloud.client("s3")
    yield client
    for key in stored(client):
        client.delete_object(Bucket=BUCKET, Key=key)


def publish(s3: "S3Client", answer: Result | Failure, *, version: str = "1", name_texts: bool = False) -> Upload:
    upload = Upload(bucket="table-input", key=KEY, version=version)
    Publisher(s3, BUCKET, name_texts=name_texts).publish(upload, Publication(result=answer))
    return upload


def stored(s3: "S3Client") -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}


def content(s3: "S3Client", key: str) -> str:
    return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()


def forget(cloud: LocalCloud, name: str) -> None:
    dynamodb = boto3.resource("dynamodb", endpoint_url=cloud.endpoint_url, **KEYS)
    forgetter = Forgetter(
        s3=cloud.client("s3"),
        input_bucket="table-input",
        output_bucket=BUCKET,
        people=PeopleStore(dynamodb.Table("table-people")),
        gallery=GalleryStore(dynamodb.Table("table-faces")),
    )
    forgetter.forget_results(name)


def seen(*names: str) -> Result:
    return result([person(name, [(0, 1)]) for name in names], video=KEY)


def test_it_is_published_and_announced(s3: "S3Client") -> None:
    upload = publish(s3, seen("Ann"))

    assert content(s3, f"{KEY}.credits.html") == "with Ann"
    assert s3.head_object(Bucket=BUCKET, Key=f"{KEY}.credits.html")["ContentType"] == CREDITS.content_type
    assert f"{KEY}.credits.html" in announcement_of(upload, seen("Ann"), bucket=BUCKET).keys


def test_a_forgotten_name_is_in_none_of_an_uploads_objects(cloud: LocalCloud, s3: "S3Client") -> None:
    publish(s3, seen("Ann", "Bob"), name_texts=True)

    forget(cloud, "Ann")

    assert content(s3, f"{KEY}.credits.html") == "with Bob"
    assert stored(s3) == {*stored_keys(KEY), "party/clip.txt"}
    assert not any("Ann" in content(s3, key) for key in stored(s3))


def test_a_failed_upload_has_it_no_more(s3: "S3Client") -> None:
    publish(s3, seen("Ann"))

    publish(s3, failure("No video.", video=KEY), version="2")

    assert stored(s3) == {result_key(KEY)}


def test_it_is_deleted_with_its_upload(s3: "S3Client") -> None:
    upload = publish(s3, seen("Ann"))

    Publisher(s3, BUCKET).withdraw(upload)

    assert stored(s3) == set()


def test_it_is_fetched_and_replaced_in_a_folder(s3: "S3Client", tmp_path: Path) -> None:
    publish(s3, seen("Ann"))

    download_outputs(s3, BUCKET, KEY, tmp_path)
    assert (tmp_path / f"{KEY}.credits.html").read_text() == "with Ann"

    remove_outputs(tmp_path, KEY)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_it_claims_its_place_in_a_folder(s3: "S3Client") -> None:
    places = Places()

    assert places.claim("a") is None
    assert places.claim("a.credits.html") is not None


@pytest.mark.parametrize("answer", [seen("Bob"), failure("No video.", video=KEY)], ids=["others", "failed"])
def test_a_text_of_names_stays_true_once_the_setting_is_off(
    answer: Result | Failure, cloud: LocalCloud, s3: "S3Client"
) -> None:
    """A text that nothing changes any more would keep the name of somebody who is forgotten later."""
    publish(s3, seen("Ann"), name_texts=True)
    publish(s3, answer, version="2")

    forget(cloud, "Ann")

    assert not any("Ann" in content(s3, key) for key in stored(s3))


def test_a_text_of_names_goes_with_its_upload_once_the_setting_is_off(s3: "S3Client") -> None:
    publish(s3, seen("Ann"), name_texts=True)

    Publisher(s3, BUCKET).withdraw(publish(s3, seen("Ann"), version="2"))

    assert stored(s3) == set()
