"""What the commands that work with a deployment say and do where no local cloud can show it."""

from collections.abc import Iterator
from contextlib import ExitStack

import boto3
import numpy as np
import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from rollcall.cli.aws_errors import explain
from rollcall.cli.commands import redrive as redrive_command
from rollcall.cli.commands.people import removal
from rollcall.cli.commands.redrive import redrive
from rollcall.cli.commands.submit import LOOK_SECONDS, StillMeant
from rollcall.cli.deployment import Deployment
from rollcall.contracts.events import Upload
from rollcall.contracts.uploads import Latest
from rollcall.contracts.usage_error import UsageError
from rollcall.local.provision import provision
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from tests.unit.made_results import person, result

ARN = "arn:aws:sqs:eu-west-1:123456789012:acme-split-dead-letters"
TARGET = ARN.removesuffix("-dead-letters")
BUCKETS = Settings(prefix="acme").bucket_names
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/acme-split-dead-letters"
TARGET_URL = URL.removesuffix("-dead-letters")


def refused(code: str, message: str = "User: me is not authorized") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "PutItem")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("AccessDeniedException", "AWS denied PutItem on deployment 'a': User: me is not authorized"),
        ("ExpiredToken", "sign in again"),
        ("ThrottlingException", "throttling PutItem"),
        ("SlowDown", "wait a minute"),
        ("NoSuchBucket", "no deployment 'a'"),
        ("SomethingNew", "AWS refused PutItem on deployment 'a': User: me is not authorized (SomethingNew)"),
    ],
)
def test_each_refusal_has_its_sentence(code: str, sentence: str) -> None:
    assert sentence in explain(refused(code), "deployment 'a'")


def test_a_failed_transfer_tells_what_failed() -> None:
    try:
        try:
            raise refused("AccessDenied", "no s3:PutObject")
        except ClientError as error:
            raise S3UploadFailedError(f"Failed to upload: {error}")  # noqa: B904  # as boto3 does
    except S3UploadFailedError as failure:
        assert "AWS denied PutItem on deployment 'a': no s3:PutObject" in explain(failure, "deployment 'a'")


@pytest.fixture
def acme() -> Iterator[tuple[Deployment, Stubber]]:
    session = boto3.Session(region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    with ExitStack() as ending:
        deployment = Deployment(prefix="acme", buckets=BUCKETS, session=session, ending=ending)
        with Stubber(deployment.sqs) as sqs:
            sqs.add_response("get_queue_url", {"QueueUrl": URL}, {"QueueName": "acme-split-dead-letters"})
            sqs.add_response("get_queue_url", {"QueueUrl": TARGET_URL}, {"QueueName": "acme-split"})
            yield deployment, sqs
            sqs.assert_no_pending_responses()


def add_dead_letters(sqs: Stubber, number: int) -> None:
    sqs.add_response(
        "get_queue_attributes",
        {"Attributes": {"QueueArn": ARN, "ApproximateNumberOfMessages": str(number)}},
        {"QueueUrl": URL, "AttributeNames": ["QueueArn", "ApproximateNumberOfMessages"]},
    )


def add_target(sqs: Stubber) -> None:
    sqs.add_response(
        "get_queue_attributes",
        {"Attributes": {"QueueArn": TARGET}},
        {"QueueUrl": TARGET_URL, "AttributeNames": ["QueueArn"]},
    )


def add_task(sqs: Stubber, status: str, moved: int, **more: str) -> None:
    task = {"Status": status, "ApproximateNumberOfMessagesMoved": moved, **more}
    sqs.add_response("list_message_move_tasks", {"Results": [task]}, {"SourceArn": ARN, "MaxResults": 1})


def test_on_aws_the_queue_itself_moves_its_dead_letters(
    acme: tuple[Deployment, Stubber], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrive_command, "POLL_SECONDS", 0)
    deployment, sqs = acme
    add_dead_letters(sqs, 3)
    add_target(sqs)
    sqs.add_response("start_message_move_task", {"TaskHandle": "t"}, {"SourceArn": ARN, "DestinationArn": TARGET})
    add_task(sqs, "RUNNING", 1)
    add_task(sqs, "COMPLETED", 3)

    assert redrive(deployment, "split") == 3


def test_a_move_that_sqs_gives_up_is_told_with_its_reason(acme: tuple[Deployment, Stubber]) -> None:
    deployment, sqs = acme
    add_dead_letters(sqs, 3)
    add_target(sqs)
    sqs.add_response("start_message_move_task", {"TaskHandle": "t"}, {"SourceArn": ARN, "DestinationArn": TARGET})
    add_task(sqs, "FAILED", 1, FailureReason="AccessDenied")

    with pytest.raises(UsageError, match="AccessDenied"):
        redrive(deployment, "split")


def test_without_dead_letters_nothing_is_started(acme: tuple[Deployment, Stubber]) -> None:
    deployment, sqs = acme
    add_dead_letters(sqs, 0)

    assert redrive(deployment, "split") == 0


@pytest.mark.parametrize(
    ("now", "complaint"),
    [(None, "was deleted by somebody else"), ("2", "was uploaded again by somebody else")],
)
def test_who_waits_for_an_upload_that_no_longer_counts_is_told(now: str | None, complaint: str) -> None:
    time = [0.0]
    mine = Upload(bucket="in", key="a.mp4", version="1")
    newest = None if now is None else Latest(upload=mine.model_copy(update={"version": now}), size=1)
    meant = StillMeant(lambda _: newest, clock=lambda: time[0])

    assert meant.lost([mine]) == {}  # too early to look
    time[0] = LOOK_SECONDS
    (reason,) = meant.lost([mine]).values()
    assert complaint in reason


def test_who_waits_for_the_newest_upload_goes_on_waiting() -> None:
    time = [0.0]
    mine = Upload(bucket="in", key="a.mp4", version="1")
    looks: list[Upload] = []

    def look(upload: Upload) -> Latest:
        looks.append(upload)
        return Latest(upload=mine, size=1)

    meant = StillMeant(look, clock=lambda: time[0])

    for now in (LOOK_SECONDS, LOOK_SECONDS + 1, 2 * LOOK_SECONDS):
        time[0] = now
        assert meant.lost([mine]) == {}

    assert len(looks) == 2


@pytest.fixture
def stored() -> Iterator[Deployment]:
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with mock_aws(), ExitStack() as ending:
        deployment = Deployment(prefix="acme", buckets=BUCKETS, session=session, ending=ending)
        dynamodb = deployment.table("people").meta.client
        provision(describe(Settings(prefix="acme")), s3=deployment.s3, sqs=deployment.sqs, dynamodb=dynamodb)
        yield deployment


@pytest.mark.parametrize(
    ("typed", "nearest"), [("Eilen Colins", "'Eileen Collins'"), ("barack obama", "'Barack Obama'"), ("\x1b[2J", "'")]
)
def test_who_mistypes_a_name_is_told_the_nearest_and_nothing_is_removed(
    stored: Deployment, typed: str, nearest: str
) -> None:
    stored.people.put({"name": "Barack Obama"})
    stored.gallery.put("Eileen Collins", np.full(128, 0.1, np.float32), source="a.jpg")

    with pytest.raises(UsageError, match="^nobody is called") as refusal:
        removal(stored, typed)

    assert f"the nearest names are {nearest}" in str(refusal.value)
    assert str(refusal.value).isprintable()
    assert len(list(stored.people.all())) == len(list(stored.gallery.faces())) == 1


def test_where_nobody_is_at_all_no_name_is_suggested(stored: Deployment) -> None:
    with pytest.raises(UsageError, match="nobody is enrolled"):
        removal(stored, "Ann")


def test_what_an_interrupted_removal_left_in_results_is_removed_by_the_next(stored: Deployment) -> None:
    """Record and faces go first, so the results may be all that is left."""
    shown = result([person("Ann", [(1, 2)])], video="a.mp4")
    stored.s3.put_object(Bucket="acme-output", Key="a.mp4.json", Body=shown.model_dump_json().encode())
    stored.s3.put_object(Bucket="acme-output", Key="b.mp4/faces/Ann-1.jpg", Body=b"crop")

    assert (
        removal(stored, "Ann")
        == "removed Ann: no record, 0 faces, the name in 1 of 1 results, 1 crops, 0 photos that came by HTTP"
    )
    with pytest.raises(UsageError, match="^nobody is called 'Ann'"):
        removal(stored, "Ann")
