"""What a smoke test expects, says and removes, where no running deployment is needed to show it."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import numpy as np
import pytest
from moto import mock_aws

from rollcall.api.api_keys import ApiKeyStore
from rollcall.cli.demo.story import COLLINS, OBAMA, STRANGER
from rollcall.cli.deployment import Deployment
from rollcall.cli.smoke.failure import SmokeTestFailed
from rollcall.cli.smoke.smoke_people import Expected, check, expect, marked
from rollcall.cli.smoke.traces import KEY_NAME, ROOT, Traces
from rollcall.cli.smoke.turn import LEASE_SECONDS, TURN, Turn
from rollcall.cli.smoke.waiting import Patience
from rollcall.cli.submissions import Stage
from rollcall.contracts.object_keys import job_id
from rollcall.local.provision import provision
from rollcall.people.calibration import load_calibration
from rollcall.people.gallery import Gallery, Templates
from rollcall.people.gallery_store import EnrolledFace
from rollcall.pipeline.description import describe
from rollcall.pipeline.roles import BUCKET_ROLES, BucketRole
from rollcall.pipeline.settings import Settings
from tests.unit.made_results import person

CALIBRATION = load_calibration("dlib-resnet")
FACES = [
    EnrolledFace(name=who, embedding=np.eye(128, dtype=np.float32)[number], source="x")
    for number, who in enumerate((OBAMA, COLLINS, STRANGER))
]


def expected(*gallery: tuple[str, int]) -> dict[str, Expected]:
    """`gallery`: names, and whose face of FACES each has."""
    names = [name for name, _ in gallery]
    embeddings = np.array([FACES[number].embedding for _, number in gallery], dtype=np.float32).reshape(-1, 128)
    enrolled = Gallery([Templates("dlib-resnet", names, embeddings)], CALIBRATION)
    return {somebody.who: somebody for somebody in expect(FACES, enrolled)}


def test_in_an_empty_gallery_everybody_has_a_name_that_nobody_else_has() -> None:
    people = expected()

    assert [people[who].names for who in (OBAMA, COLLINS, STRANGER)] == [{marked(OBAMA)}, {marked(COLLINS)}, set()]
    assert (people[OBAMA].required, people[STRANGER].required) == (True, False)


def test_who_is_enrolled_keeps_the_name_and_a_tie_may_stay_unnamed() -> None:
    people = expected(("President", 0), ("Anna", 1), ("Bertha", 1), ("Joe", 2))

    assert (people[OBAMA].names, people[OBAMA].required, people[OBAMA].by_us) == (frozenset({"President"}), True, False)
    assert (people[COLLINS].names, people[COLLINS].required) == (frozenset({"Anna", "Bertha"}), False)
    assert people[STRANGER].names == {"Joe"}


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        ([], "clip shows Barack Obama, and nobody in the result is called 'Barack Obama (Rollcall smoke test)'"),
        ([marked(COLLINS)], "found: 'Eileen Collins (Rollcall smoke test)'"),
        ([marked(OBAMA), "Ann"], "clip: wrong name found: 'Ann'"),
        ([marked(OBAMA), "A\x1b[2J"], "wrong name found: 'A\ufffd\\[2J'"),
        ([marked(OBAMA)], "has not the record that was stored"),
    ],
)
def test_what_is_wrong_with_an_answer_is_told(found: list[str], complaint: str) -> None:
    people = [person(name, [(1, 2)]) for name in found]

    with pytest.raises(SmokeTestFailed, match=complaint.replace("(", "\\(").replace(")", "\\)")):
        check("clip", people, [expected()[OBAMA], expected()[STRANGER]], {marked(OBAMA): {"name": "other"}})


@pytest.fixture
def acme() -> Iterator[Deployment]:
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with mock_aws(), ExitStack() as ending:
        deployment = Deployment(
            prefix="acme", buckets=Settings(prefix="acme").bucket_names, session=session, ending=ending
        )
        dynamodb = deployment.table("people").meta.client
        provision(describe(Settings(prefix="acme")), s3=deployment.s3, sqs=deployment.sqs, dynamodb=dynamodb)
        yield deployment


class Clock:
    now = 1e9

    def __call__(self) -> float:
        return self.now


def nobody_waits() -> None:
    raise AssertionError("the turn was not free")


def test_a_turn_is_one_run_s_until_it_ends(acme: Deployment) -> None:
    clock, table = Clock(), acme.table("api-keys")
    first, second = Turn(table, "1", clock=clock), Turn(table, "2", clock=clock)
    waited: list[bool] = []

    with first.taken(seconds=0, waiting=nobody_waits):
        clock.now += LEASE_SECONDS / 2
        first.keep()
        clock.now += LEASE_SECONDS / 2 + 2
        first.keep()
        with (
            pytest.raises(SmokeTestFailed, match="another smoke test"),
            second.taken(seconds=0, waiting=lambda: waited.append(True)),
        ):
            nobody_waits()
    with second.taken(seconds=0, waiting=nobody_waits):
        assert not second.inherited

    assert waited == [True]
    assert table.scan()["Items"] == []


def test_who_stood_still_is_told_that_another_has_the_turn(acme: Deployment) -> None:
    clock, table = Clock(), acme.table("api-keys")
    slow = Turn(table, "slow", clock=clock)
    with slow.taken(seconds=0, waiting=nobody_waits):
        clock.now += LEASE_SECONDS + 2
        with (
            Turn(table, "quick", clock=clock).taken(seconds=0, waiting=nobody_waits),
            pytest.raises(SmokeTestFailed, match="another smoke test has begun"),
        ):
            slow.keep()


@pytest.mark.parametrize("leave", [True, False])
def test_what_a_run_left_that_was_killed_is_removed_by_the_next_and_nothing_else(acme: Deployment, leave: bool) -> None:
    clock, table = Clock(), acme.table("api-keys")
    dead = Turn(table, "dead", clock=clock)
    taken = dead.taken(seconds=0, waiting=nobody_waits, leave=leave)
    taken.__enter__()
    dead.note("api/videos/0a")
    if leave:  # by --keep
        taken.__exit__(None, None, None)
    made = [f"{ROOT}/dead/demo.mp4", "api/videos/0a", "api/photos/2026-11-27/0b"]
    versions = [put(acme, "input", key) for key in made]
    for key in made:
        put(acme, "stage-1", f"{key}/gop-00000.zip")
        put(acme, "output", f"{key}.json")
        put(acme, "output", f"{key}/faces/{marked(OBAMA)}-1.jpg")
    for key, version in zip(made, versions, strict=True):
        acme.table("jobs").put_item(Item={"job": job_id(key, version)})
    for name in (marked(OBAMA), OBAMA):
        acme.people.put({"name": name})
        acme.gallery.put(name, FACES[0].embedding, source="x")
    keys = ApiKeyStore(table)
    keys.count(keys.create(KEY_NAME, ["recognize"])[0], 3, minute=7)
    put(acme, "input", f"{ROOT}.mp4")
    put(acme, "output", f"api/photos/2026-11-27/0c/faces/{OBAMA}-1.jpg")
    theirs, _ = keys.create("camera", ["recognize"])

    clock.now += LEASE_SECONDS + 2
    turn = Turn(table, "next", clock=clock)
    with turn.taken(seconds=0, waiting=nobody_waits):
        Traces(acme, turn).remove(search=turn.inherited)

    left = {role: [entry["Key"] for entry in versions_of(acme, role)] for role in BUCKET_ROLES}
    assert left == {
        "input": [f"{ROOT}.mp4"],
        "stage-1": [],
        "output": [f"api/photos/2026-11-27/0c/faces/{OBAMA}-1.jpg"],
    }
    assert acme.table("jobs").scan()["Items"] == []
    assert [record["name"] for record in acme.people.all()] == [face.name for face in acme.gallery.faces()] == [OBAMA]
    assert [item["key"] for item in table.scan()["Items"]] == [theirs.id]
    assert TURN not in {key.id for key in keys.all()}


def put(deployment: Deployment, role: BucketRole, key: str) -> str:
    return deployment.s3.put_object(Bucket=deployment.bucket(role), Key=key, Body=b"x").get("VersionId", "null")


def versions_of(deployment: Deployment, role: BucketRole) -> list[Any]:
    listed: Any = deployment.s3.list_object_versions(Bucket=deployment.bucket(role))
    return [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]


@pytest.mark.parametrize(
    ("stage", "queue", "function"),
    [
        (Stage("splitting"), "split", "video-split"),
        (Stage("recognizing", 1, 3), "recognize", "face-recognition"),
        (Stage("looking up"), "lookup", "lookup"),
    ],
)
def test_what_nothing_answers_in_time_is_told_with_where_to_look(
    acme: Deployment, stage: Stage, queue: str, function: str
) -> None:
    acme.sqs.purge_queue(QueueUrl=acme.queue_url(queue))  # of S3's test event
    acme.sqs.send_message(QueueUrl=acme.queue_url(queue), MessageBody="x")

    with pytest.raises(SmokeTestFailed) as failed:
        Patience(acme, 0, meanwhile=lambda: None).wait("demo.mp4", lambda: stage)

    assert f"demo.mp4 is still {stage} after 0 s" in str(failed.value)
    assert f"acme-{queue} has 1 messages waiting, 0 in work and 0 dead letters" in str(failed.value)
    assert f"the log of acme-{function}" in str(failed.value)
