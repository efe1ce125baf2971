"""One upload never touches what another owns, whatever the two are called."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from rollcall.cli.outputs import check_output_folder, download_outputs
from rollcall.contracts.events import Upload
from rollcall.contracts.object_keys import (
    MAX_KEY_BYTES,
    crop_key,
    gop_faces_key,
    is_crop,
    job_id,
    names_key,
    pack_key,
    packed_key,
    result_key,
)
from rollcall.media.media_files import MediaFile
from rollcall.results.output_files import local_keys, stored_keys
from rollcall.results.publisher import Publication, Publisher
from tests.unit.made_results import failure, person, result

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "output"
PEOPLE = ("Ann", "Ann-1", "unknown-1", "x", "faces", "Zoë " * 30, "é" * 100, "é" * 99 + "è", "😀" * 100)
JOB = job_id("a", "1")
ORDINARY = (
    "a",
    "a/",
    "a.json",
    "a.csv",
    "a.vtt",
    "a.json.json",
    "a.json/faces/x-1.jpg",
    "a/faces",
    "a/faces/",
    "a/faces/x-1.jpg",
    "a/faces/Ann-1.jpg",
    "a/faces/Ann-1.jpg.json",
    "a/faces/faces/x-1.jpg",
    "a/faces/x-1.jpg/faces/x-1.jpg",
    "a//faces/x-1.jpg",
    "a/gop-00000.zip",
    "a/gop-00000.zip/gop-00000.zip",
    f"a/{JOB}",
    f"a/{JOB}/gop-00000.faces.json",
    "party",
    "party/faces/group.jpg",
)
STORED = ("a", "a/", "a.json", "a/faces", "a/faces/x-1.jpg", "a/faces/Ann-1.jpg.json", "party", "party/faces/group.jpg")
LONG = tuple("k" * size for size in (1014, 1019, 1020, 1021, 1022, 1023, 1024))
# one that differs at its end alone, one of characters that a cut may not divide, and what the names of others come to
LONG += ("k" * 1023 + "l", "é" * 511, "é" * 512, "漢" * 341, "😀" * 256, "a/" * 512)
LONG += tuple(result_key(key).removesuffix(".json") for key in LONG)
KEYS = tuple(dict.fromkeys(ORDINARY + LONG))


def outputs(key: str) -> set[str]:
    crops = {crop_key(key, name, number) for name in PEOPLE for number in (1, 2, 3)}
    return {*stored_keys(key), *local_keys(key)} | crops


def stage_1(key: str) -> set[str]:
    job = job_id(key, "1")
    return {name for index in (0, 1, 99_999) for name in (pack_key(key, index), gop_faces_key(key, job, index))}


def test_no_two_uploads_share_an_output() -> None:
    assert len({name for key in KEYS for name in outputs(key)}) == sum(len(outputs(key)) for key in KEYS)
    assert all(len(outputs(key)) == len(local_keys(key)) + 3 * len(PEOPLE) for key in KEYS)


def test_no_two_uploads_share_an_object_of_stage_1() -> None:
    for one, other in itertools.combinations(ORDINARY, 2):
        assert stage_1(one).isdisjoint(stage_1(other)), (one, other)
    assert all(packed_key(pack_key(key, 0)) == key for key in ORDINARY)


def test_a_crop_is_of_one_upload_and_nothing_else_is_one() -> None:
    for key, other in itertools.product(ORDINARY, KEYS):
        crops = {name for name in outputs(other) if is_crop(key, name)}
        assert crops == ({name for name in outputs(other) if name.endswith(".jpg")} if key == other else set())


def test_s3_takes_every_result() -> None:
    names = [name for key in KEYS for name in (*local_keys(key), names_key(key))]
    assert max(len(name.encode()) for name in names) == MAX_KEY_BYTES


def test_ordinary_names_are_those_of_the_contract() -> None:
    for key in (*ORDINARY, "k" * 1019, "é" * 509):
        assert result_key(key) == f"{key}.json"
        assert crop_key(key, "Ann", 1) == f"{key}/faces/Ann-1.jpg"
    assert result_key("k" * 1020) != f"{'k' * 1020}.json"
    assert result_key("k" * 1020).startswith("k" * 800)


def test_file_systems_take_every_crop() -> None:
    assert all(len(crop_key("a", name, 3).rpartition("/")[2].encode()) < 255 for name in PEOPLE)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator["S3Client"]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def upload(key: str, version: str = "1") -> Upload:
    return Upload(bucket="input", key=key, version=version)


def whole(key: str) -> Publication:
    crops = {crop_key(key, name, 1): key.encode() for name in ("Ann", "x")}
    return Publication(result=result([person("Ann", [(0, 1)])], video=key), crops=crops)


def stored(s3: "S3Client") -> set[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return {item["Key"] for page in pages for item in page.get("Contents", ())}


def own(key: str) -> set[str]:
    return {*stored_keys(key), crop_key(key, "Ann", 1), crop_key(key, "x", 1)}


def test_publishing_one_upload_again_leaves_all_others_as_they_are(s3: "S3Client") -> None:
    publisher = Publisher(s3, BUCKET)
    for key in STORED:
        publisher.publish(upload(key), whole(key))
    everything = {name for key in STORED for name in own(key)}
    assert stored(s3) == everything

    for again in STORED:
        publisher.publish(upload(again, "2"), Publication(result=failure("No video.", video=again)))
        assert stored(s3) == everything - own(again) | {result_key(again)}, again
        publisher.publish(upload(again, "3"), whole(again))
        assert stored(s3) == everything, again


@pytest.mark.parametrize("key", ["a", "a.jpg"])
@pytest.mark.parametrize("at_once", [1000, 2])
def test_a_result_of_fewer_people_takes_the_other_crops_away(s3: "S3Client", key: str, at_once: int) -> None:
    events: Any = s3.meta.events
    events.register("provide-client-params.s3.ListObjectsV2", lambda params, **_: params | {"MaxKeys": at_once})
    publisher = Publisher(s3, BUCKET)
    for other in (key, "a.png", "a.b.jpg"):
        publisher.publish(upload(other), whole(other))

    fewer = Publication(result=result([person("Ann", [(0, 1)])], video=key), crops={crop_key(key, "Ann", 1): b"face"})
    publisher.publish(upload(key, "2"), fewer)

    assert stored(s3) == own(key) - {crop_key(key, "x", 1)} | own("a.png") | own("a.b.jpg")


def test_a_key_too_long_for_s3_gets_its_failure(s3: "S3Client") -> None:
    for key in LONG:
        Publisher(s3, BUCKET, name_texts=True).publish(upload(key), Publication(result=failure("Too long.", video=key)))

    assert stored(s3) == set(map(result_key, LONG))
    for key in LONG:
        found = s3.get_object(Bucket=BUCKET, Key=result_key(key))
        assert json.load(found["Body"])["video"] == key
        assert found["Metadata"]["job"] == upload(key).job


def test_a_download_brings_what_the_upload_owns_and_no_more(s3: "S3Client", tmp_path: Path) -> None:
    for key in ("party", "party/faces/group.jpg"):
        Publisher(s3, BUCKET).publish(upload(key), whole(key))

    download_outputs(s3, BUCKET, "party", tmp_path)

    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == own("party")


def test_a_download_replaces_the_crops_of_an_earlier_one_alone(s3: "S3Client", tmp_path: Path) -> None:
    publisher = Publisher(s3, BUCKET)
    for key in ("a", "a/faces/y-1.jpg"):
        publisher.publish(upload(key), whole(key))
        download_outputs(s3, BUCKET, key, tmp_path)
    mine = tmp_path / "a" / "faces" / "me.jpg"
    mine.write_bytes(b"mine")
    (tmp_path / "a" / "faces" / "gone-2.jpg").write_bytes(b"of an earlier run")

    download_outputs(s3, BUCKET, "a", tmp_path)

    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == own("a") | own("a/faces/y-1.jpg") | {"a/faces/me.jpg"}


def test_a_photo_that_only_looks_like_a_crop_is_not_deleted(s3: "S3Client", tmp_path: Path) -> None:
    Publisher(s3, BUCKET).publish(upload("a"), whole("a"))
    mine = tmp_path / "a" / "faces" / "me-1.jpg"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")

    download_outputs(s3, BUCKET, "a", tmp_path)

    assert mine.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a", "a.json"),
        ("a.json", "a"),
        ("a", "a.csv/clip.mp4"),
        ("a.vtt/b/c", "a"),
        ("a", "a.contact-sheet.png"),
        ("a/b", "a/b.json/c"),
    ],
)
def test_where_a_file_and_a_folder_would_have_one_name_the_first_has_it(
    first: str, second: str, tmp_path: Path
) -> None:
    media = [MediaFile(path=tmp_path / name, key=key) for name, key in (("1", first), ("2", second))]

    good, refused = check_output_folder(tmp_path / "out", media)

    assert [file.key for file in good] == [first]
    assert [(entry.path, entry.failed) for entry in refused] == [(tmp_path / "2", True)]
    assert f"those of {first} need" in refused[0].reason


def test_the_report_has_its_name_to_itself(tmp_path: Path) -> None:
    media = [MediaFile(path=tmp_path / key, key=key) for key in ("report.html", "clip.mp4")]

    good, refused = check_output_folder(tmp_path / "out", media, taken=["report.html"])

    assert ([file.key for file in good], len(refused)) == (["clip.mp4"], 1)


def test_ordinary_files_have_their_places(tmp_path: Path) -> None:
    keys = ("a.mp4", "a.mov", "a/a.mp4", "a/b.mp4", "b/a.mp4", "a", "a.mp4.mp4")
    media = [MediaFile(path=tmp_path / key, key=key) for key in keys]

    assert check_output_folder(tmp_path / "out", media) == (media, [])
