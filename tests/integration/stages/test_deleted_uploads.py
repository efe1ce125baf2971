"""An upload or a person is deleted in mid-work, at each request that a stage sends: nothing of them comes later."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from PIL import Image

from rollcall.cli.demo.story import OBAMA
from rollcall.cli.preparation import read_gallery
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER
from rollcall.contracts.errors import Superseded
from rollcall.contracts.events import LookupMessage, RangeMessage, SplitRange, Stretch, Upload
from rollcall.contracts.jobs import INTERNAL_ERROR, JobStore, RangeSummary
from rollcall.contracts.lookup_queue import LookupQueue
from rollcall.contracts.object_keys import job_id
from rollcall.engine.engine import load_engine
from rollcall.local.cloud import LocalCloud
from rollcall.local.lambda_host.process_environment import ACCESS_KEY, REGION, SECRET_KEY
from rollcall.local.own_clients import create_client
from rollcall.media.deadline import Deadline
from rollcall.media.videos.division import Division
from rollcall.media.videos.limits import Limits
from rollcall.people.gallery_store import EnrolledFace, GalleryStore
from rollcall.people.people_store import PeopleStore
from rollcall.pipeline.description import EVENT_BUS, describe
from rollcall.pipeline.roles import BucketRole
from rollcall.pipeline.settings import Settings
from rollcall.results.announce import Announcer
from rollcall.results.forget import Forgetter
from rollcall.results.publisher import Publisher
from rollcall.runtime.observability import metrics
from rollcall.runtime.together import alone
from rollcall.stages.lookup import Lookup
from rollcall.stages.range_queue import RangeQueue
from rollcall.stages.recognize import Recognizer
from rollcall.stages.split import Splitter
from tests.made_photos import saved

PREFIX = "late"
KEY = "party/photo.jpg"
ROLES: tuple[BucketRole, ...] = ("input", "stage-1", "output")
MOST_REQUESTS = 100  # of one upload
MOST_FAILED = 20  # tries, of all uploads: each stage notices by itself that an upload is gone


@dataclass
class Stages:
    """The three stages as one process, with every request that they send counted."""

    cloud: LocalCloud
    engine: Any
    photo: bytes
    faces: list[EnrolledFace]
    session: boto3.Session
    requests: int = 0
    failed: int = 0  # tries
    at: dict[int, Callable[[], None]] = field(default_factory=dict)  # what happens just before which request

    def __post_init__(self) -> None:
        s3, sqs = self._counted("s3"), self._counted("sqs")
        events = create_client("events", self.cloud.endpoint_url)
        tables = self.session.resource("dynamodb", endpoint_url=self.cloud.endpoint_url)
        tables.meta.client.meta.events.register("before-send", self._count)
        self.uncounted = self.session.resource("dynamodb", endpoint_url=self.cloud.endpoint_url)
        self.closing = [s3, sqs, events, tables.meta.client, self.uncounted.meta.client]
        self.tables = tables
        self.jobs = JobStore(tables.Table(f"{PREFIX}-jobs"))
        self.gallery = GalleryStore(tables.Table(f"{PREFIX}-faces"))
        self.splitter = Splitter(
            s3=s3,
            jobs=self.jobs,
            lookups=LookupQueue(sqs, f"{PREFIX}-lookup"),
            ranges=RangeQueue(sqs, f"{PREFIX}-split"),
            stage_1_bucket=f"{PREFIX}-stage-1",
            division=Division(frames_per_second=2.0, range_seconds=600, limits=Limits(), every_track=False),
        )
        self.recognizer = Recognizer(
            s3=s3,
            jobs=self.jobs,
            lookups=LookupQueue(sqs, f"{PREFIX}-lookup"),
            engine=self.engine,
            input_bucket=f"{PREFIX}-input",
        )
        self.lookup = Lookup(
            s3=s3,
            jobs=self.jobs,
            gallery=self.gallery,
            people=PeopleStore(tables.Table(f"{PREFIX}-people")),
            lookups=LookupQueue(sqs, f"{PREFIX}-lookup"),
            publisher=Publisher(s3, f"{PREFIX}-output", name_texts=True),
            announcer=Announcer(
                sqs=sqs, events=events, bucket=f"{PREFIX}-output", queue=f"{PREFIX}-results", bus=EVENT_BUS
            ),
            stage_1_bucket=f"{PREFIX}-stage-1",
            threshold=None,
        )

    def upload(self) -> Upload:
        bucket = f"{PREFIX}-input"
        version = self.cloud.client("s3").put_object(Bucket=bucket, Key=KEY, Body=self.photo)["VersionId"]
        return Upload(bucket=bucket, key=KEY, version=version)

    def upload_and_work(self) -> Upload:
        upload = self.upload()
        self.work()
        return upload

    def work(self) -> None:
        """Until no queue has a message; what fails is tried again."""
        works: dict[str, Callable[[str], None]] = {
            "split": lambda body: self.splitter.split(body, deadline=Deadline.after(60)),
            "recognize": lambda body: alone(self.recognizer.recognize(body)),
            "lookup": lambda body: alone(self.lookup.look_up(body)),
        }
        self.requests = 0
        waiting: list[tuple[str, str]] = []
        while waiting := [*waiting, *((queue, body) for queue in works for body in self.receive(queue))]:
            waiting = [(queue, body) for queue, body in waiting if not _done(works[queue], body)]
            self.failed += len(waiting)
            assert self.failed < MOST_FAILED
            metrics.clear_metrics()  # no handler writes them here

    def receive(self, queue: str) -> list[str]:
        sqs = self.cloud.client("sqs")
        url = sqs.get_queue_url(QueueName=f"{PREFIX}-{queue}")["QueueUrl"]
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in messages]

    def delete(self, upload: Upload) -> None:
        """All of the upload, as its owner does: the upload itself first, the job last."""
        for role in ROLES:
            for key, version in self.stored(role):
                self.cloud.client("s3").delete_object(Bucket=f"{PREFIX}-{role}", Key=key, VersionId=version)
        self.cloud.client("dynamodb").delete_item(TableName=f"{PREFIX}-jobs", Key={"job": {"S": upload.job}})

    def delete_upload(self) -> None:
        """Deletes with a marker, so that it could be brought back."""
        self.cloud.client("s3").delete_object(Bucket=f"{PREFIX}-input", Key=KEY)

    def forget(self) -> None:
        """Another process forgets the person on the photo."""
        forgetter = Forgetter(
            s3=self.cloud.client("s3"),
            input_bucket=f"{PREFIX}-input",
            output_bucket=f"{PREFIX}-output",
            people=PeopleStore(self.uncounted.Table(f"{PREFIX}-people")),
            gallery=GalleryStore(self.uncounted.Table(f"{PREFIX}-faces")),
        )
        forgetter.forget_person(OBAMA)
        forgetter.forget_photos(OBAMA)
        forgetter.forget_results(OBAMA)

    def output(self, key: str) -> bytes:
        return self.cloud.client("s3").get_object(Bucket=f"{PREFIX}-output", Key=key)["Body"].read()

    def stored(self, role: BucketRole) -> list[tuple[str, str]]:
        listed: Any = self.cloud.client("s3").list_object_versions(Bucket=f"{PREFIX}-{role}")
        return [
            (entry["Key"], entry["VersionId"])
            for kind in ("Versions", "DeleteMarkers")
            for entry in listed.get(kind, ())
        ]

    def left(self) -> list[Any]:
        jobs = self.cloud.client("dynamodb").scan(TableName=f"{PREFIX}-jobs")["Items"]
        return [*(entry for role in ROLES for entry in self.stored(role)), *jobs, *self.receive("results")]

    def _counted(self, service: Any) -> Any:
        client = create_client(service, self.cloud.endpoint_url)
        client.meta.events.register("before-send", self._count)
        return client

    def _count(self, **_: Any) -> None:
        self.requests += 1
        self.at.pop(self.requests, _nothing)()


def _nothing() -> None: ...


def _done(work: Callable[[str], None], body: str) -> bool:
    """False for what is to be tried again."""
    try:
        work(body)
    except Superseded:
        return True
    except Exception as error:
        print(f"tried again: {error}")
        return False
    return True


@pytest.fixture(scope="module")
def stages(model_dir: Path, demo_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    gallery = tmp_path_factory.mktemp("gallery") / OBAMA
    gallery.mkdir()
    (gallery / "1.jpg").write_bytes((demo_photos / "obama.jpg").read_bytes())
    faces: list[EnrolledFace] = read_gallery([gallery.parent], model_dir, DEFAULT_EMBEDDER).faces
    engine = load_engine(model_dir, DEFAULT_EMBEDDER, min_face=40, threads=1)
    session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION)
    with LocalCloud(dataclasses.replace(describe(Settings(prefix=PREFIX)), functions=())) as cloud:
        stages = Stages(cloud, engine, small(demo_photos / "obama2.jpg"), faces, session)
        stages.gallery.put_all(faces)
        for queue in ("split", "recognize"):
            stages.receive(queue)  # S3's test events
        stages.delete(stages.upload_and_work())  # the first one also asks for the queues' addresses
        stages.receive("results")
        yield stages
        for client in stages.closing:
            client.close()
        stages.splitter._photos.close()


def small(photo: Path) -> bytes:
    with Image.open(photo) as image:
        image.thumbnail((320, 320))
        return saved(image.convert("RGB"), "JPEG")


@pytest.fixture
def clean(stages: Stages) -> Iterator[Stages]:
    yield stages
    stages.at.clear()
    for role in ROLES:
        for key, version in stages.stored(role):
            stages.cloud.client("s3").delete_object(Bucket=f"{PREFIX}-{role}", Key=key, VersionId=version)
    for job in stages.tables.Table(f"{PREFIX}-jobs").scan()["Items"]:
        stages.tables.Table(f"{PREFIX}-jobs").delete_item(Key={"job": job["job"]})
    for queue in ("split", "recognize", "lookup", "results"):
        stages.receive(queue)


def requests_of_one(stages: Stages) -> int:
    """How many it takes when nothing is deleted. The result, and all that belongs to it, is there."""
    upload = stages.upload_and_work()
    requests = stages.requests
    names = {key for key, _ in stages.stored("output")}
    assert names == {
        *(f"{KEY}.{ending}" for ending in ("json", "csv", "vtt")),
        "party/photo.txt",
        f"{KEY}/faces/{OBAMA}-1.jpg",
    }
    stages.delete(upload)
    assert stages.receive("results")
    assert stages.left() == []
    assert 20 < requests < MOST_REQUESTS
    return requests


def test_nothing_stays_of_an_upload_that_is_deleted_with_all_that_belongs_to_it(clean: Stages) -> None:
    for number in range(1, requests_of_one(clean) + 1):
        upload = clean.upload()
        clean.at[number] = partial(clean.delete, upload)
        clean.work()
        left = clean.left()
        # once all is written and asked for, the result is announced
        told = [json.loads(entry)["status"] for entry in left if isinstance(entry, str)]
        assert [entry for entry in left if not isinstance(entry, str)] == [], f"deleted before request {number}"
        assert told in ([], ["done"]), f"deleted before request {number}"


def test_no_result_comes_of_an_upload_that_is_deleted_alone(clean: Stages) -> None:
    for number in range(1, requests_of_one(clean) + 1, 2):
        upload = clean.upload()
        clean.at[number] = clean.delete_upload
        clean.work()
        job = clean.jobs.get(upload.job)
        if job is None:
            assert clean.stored("output") == [], f"deleted before request {number}"
            assert clean.receive("results") == [], f"deleted before request {number}"
        else:
            assert job.status == "done", f"deleted before request {number}"
            clean.receive("results")
            clean.delete(upload)


def gone() -> Upload:
    return Upload(bucket=f"{PREFIX}-input", key=KEY, version="of-yesterday")


def notification(upload: Upload) -> str:
    entity = {"bucket": {"name": upload.bucket}, "object": {"key": upload.key, "versionId": upload.version}}
    return json.dumps({"Records": [{"s3": entity}]})


RANGE = RangeSummary(next=1, gops=1, duration=1.0, step=1.0, width=8, height=8, seconds_spent=0.1)


@pytest.mark.parametrize(
    "update",
    [
        lambda jobs, job: jobs.packed(job, first=0, count=1),
        lambda jobs, job: jobs.range_done(job, 0, RANGE),
        lambda jobs, job: jobs.gop_done(job, 0),
        lambda jobs, job: jobs.fail(job, INTERNAL_ERROR),
        lambda jobs, job: jobs.published(job, "done"),
    ],
)
def test_no_update_brings_a_job_back(clean: Stages, update: Callable[[JobStore, str], object]) -> None:
    with pytest.raises(Superseded):
        update(clean.jobs, job_id(KEY, "of-yesterday"))

    assert clean.left() == []


@pytest.mark.parametrize("how", ["never", "replaced", "deleted"])
def test_late_messages_leave_nothing(clean: Stages, how: str) -> None:
    """An event, a range and a question for the lookup, after every attempt has failed as well."""
    if how != "never":
        clean.upload_and_work()
        clean.receive("results")
    if how == "deleted":
        clean.delete_upload()
    before = clean.left()
    part = SplitRange(upload=gone(), stretch=Stretch(), first_pack=0)
    for work, body in [
        (lambda body: clean.splitter.split(body, deadline=Deadline.after(60)), notification(gone())),
        (clean.splitter.give_up, notification(gone())),
        (
            lambda body: clean.splitter.split(body, deadline=Deadline.after(60)),
            RangeMessage(range=part).model_dump_json(),
        ),
        (clean.splitter.give_up, RangeMessage(range=part).model_dump_json()),
        (lambda body: alone(clean.lookup.look_up(body)), LookupMessage(upload=gone()).model_dump_json()),
        (lambda body: alone(clean.lookup.give_up(body)), LookupMessage(upload=gone()).model_dump_json()),
        (
            lambda body: alone(clean.recognizer.recognize(body)),
            notification(Upload(bucket=f"{PREFIX}-stage-1", key=f"{KEY}/gop-00001.zip", version="0")),
        ),
        (
            clean.recognizer.give_up,
            notification(Upload(bucket=f"{PREFIX}-stage-1", key=f"{KEY}/gop-00001.zip", version="0")),
        ),
    ]:
        with pytest.raises(Superseded):
            work(body)

    assert clean.receive("split") == []
    assert clean.left() == before


def test_nobody_who_is_deleted_during_a_lookup_is_in_its_result(clean: Stages) -> None:
    requests = requests_of_one(clean)
    for number in range(requests // 2, requests + 1):
        upload = clean.upload()
        clean.at[number] = clean.forget
        clean.work()

        stored = {key: clean.output(key) for key, _ in clean.stored("output")}
        assert f"{KEY}.json" in stored
        assert not [key for key, body in stored.items() if OBAMA in key or OBAMA.encode() in body], f"request {number}"
        assert json.loads(stored[f"{KEY}.json"])["unknown"], f"request {number}"
        clean.gallery.put_all(clean.faces)
        clean.delete(upload)


def test_somebody_else_of_the_same_name_does_not_get_the_face(clean: Stages) -> None:
    requests = requests_of_one(clean)
    upload = clean.upload()

    def replace() -> None:
        clean.forget()
        stranger = np.full(clean.faces[0].embedding.shape, 0.1, np.float32)
        clean.gallery.put(OBAMA, stranger, model=clean.faces[0].model, source="other.jpg")

    clean.at[requests - 4] = replace  # all is written
    clean.work()

    assert json.loads(clean.output(f"{KEY}.json"))["people"] == []
    clean.forget()
    clean.gallery.put_all(clean.faces)
    clean.delete(upload)


def upload_into(stages: Stages, uploads: list[Upload]) -> None:
    uploads.append(stages.upload())


def test_a_newer_upload_loses_nothing_to_the_older_ones_late_writes(clean: Stages) -> None:
    for number in range(1, requests_of_one(clean) + 1, 4):
        newer: list[Upload] = []
        clean.upload()
        clean.at[number] = partial(upload_into, clean, newer)
        clean.work()
        head = clean.cloud.client("s3").head_object(Bucket=f"{PREFIX}-output", Key=f"{KEY}.json")
        assert head["Metadata"]["version"] == newer[0].version, f"replaced before request {number}"
        names = {key for key, _ in clean.stored("output")}
        assert len(names) == 5, f"replaced before request {number}"
