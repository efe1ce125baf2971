"""S3, SQS and DynamoDB of the local cloud: what is provisioned, and how it behaves."""

import json
import os
import urllib.error
import urllib.request
from contextlib import ExitStack
from urllib.parse import unquote_plus

import boto3
import psutil
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from rollcall.local.cloud import LocalCloud
from rollcall.local.lambda_host.processes import peak_megabytes
from rollcall.local.provision import provision
from tests.integration.throwaway import Messages, pipeline, until

MEGABYTE = 1024 * 1024
BIG = os.urandom(MEGABYTE) * 12 + b"the end"
PIPELINE = pipeline(max_receive_count=3)


@pytest.fixture(scope="module")
def cloud():
    with LocalCloud(PIPELINE) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def s3(cloud):
    return cloud.client("s3")


@pytest.fixture
def messages(cloud):
    messages = Messages(cloud)
    for queue in ("uploads", "packs"):
        while messages.receive(queue):
            pass
    return messages


def uploads(messages, queue="uploads"):
    events = [json.loads(message["Body"]) for message in until(lambda: messages.receive(queue))]
    return [record["s3"] for event in events for record in event["Records"]]


def test_an_upload_is_announced_as_by_s3(s3, messages):
    version = s3.put_object(Bucket="try-input", Key="a folder/ü+b c.mp4", Body=b"x")["VersionId"]

    [upload] = uploads(messages)

    assert upload["bucket"]["name"] == "try-input"
    assert upload["object"]["key"] == "a+folder/%C3%BC%2Bb+c.mp4"
    assert unquote_plus(upload["object"]["key"]) == "a folder/ü+b c.mp4"
    assert upload["object"]["versionId"] == version
    assert upload["object"]["size"] == 1


def test_the_sequencer_grows_with_each_upload_of_a_key(s3, messages):
    for _ in range(3):
        s3.put_object(Bucket="try-input", Key="same.mp4", Body=b"x")

    sequence = [upload["object"]["sequencer"] for upload in uploads(messages)]

    assert len(set(sequence)) == 3
    assert sorted(sequence) == sequence
    assert all(int(number, 16) for number in sequence)


def test_a_multipart_upload_is_announced_once(s3, messages, tmp_path):
    (tmp_path / "big.mp4").write_bytes(BIG)

    s3.upload_file(str(tmp_path / "big.mp4"), "try-input", "big.mp4", Config=TransferConfig(5 * MEGABYTE))

    [upload] = uploads(messages)
    assert upload["object"]["size"] == len(BIG)


def test_a_suffix_filter_lets_only_its_keys_through(s3, messages):
    s3.put_object(Bucket="try-output", Key="a.zip", Body=b"x")
    s3.put_object(Bucket="try-output", Key="a.zip.json", Body=b"x")

    [pack] = uploads(messages, "packs")

    assert pack["object"]["key"] == "a.zip"


@pytest.mark.parametrize(
    ("header", "status", "expected"),
    [
        (None, 200, BIG),
        ("bytes=0-", 206, BIG),
        ("bytes=5-9", 206, BIG[5:10]),
        (f"bytes={3 * MEGABYTE - 1}-", 206, BIG[3 * MEGABYTE - 1 :]),
        ("bytes=-7", 206, b"the end"),
    ],
    ids=["whole", "from the start", "inside", "to the end", "the last"],
)
def test_a_presigned_url_gives_any_range_of_a_big_object(s3, header, status, expected):
    s3.put_object(Bucket="try-output", Key="dir/ü b.mp4", Body=BIG)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "try-output", "Key": "dir/ü b.mp4"})

    request = urllib.request.Request(url, headers={"Range": header} if header else {})
    with urllib.request.urlopen(request) as response:
        body = response.read()

    assert response.status == status
    assert body == expected
    assert response.headers["Content-Length"] == str(len(expected))


def test_many_readers_of_a_big_object_do_not_fill_the_memory(cloud, s3):
    size = 64 * MEGABYTE
    s3.put_object(Bucket="try-output", Key="big", Body=bytes(size))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "try-output", "Key": "big"})
    server = next(child for child in psutil.Process().children() if "rollcall.local.store" in child.cmdline())
    before = peak_megabytes(server.pid)

    with ExitStack() as stack:  # as ffmpeg does: ask for all that follows, read a little
        responses = [stack.enter_context(urllib.request.urlopen(url)) for _ in range(12)]
        assert all(len(response.read(1000)) == 1000 for response in responses)

    assert peak_megabytes(server.pid) - before < size / MEGABYTE


def test_an_object_can_be_overwritten_while_it_is_read(s3):
    s3.put_object(Bucket="try-output", Key="k", Body=BIG)

    with s3.get_object(Bucket="try-output", Key="k")["Body"] as body:
        start = body.read(10)
        s3.put_object(Bucket="try-output", Key="k", Body=b"new")
        rest = body.read()

    assert start + rest == BIG
    assert s3.get_object(Bucket="try-output", Key="k")["Body"].read() == b"new"


def test_any_client_that_knows_the_address_can_use_it(cloud):
    client = boto3.client(
        "s3",
        endpoint_url=cloud.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="anything",
        aws_secret_access_key="anything",
        config=Config(proxies={}),
    )

    names = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
    client.close()

    assert names == {"try-input", "try-output"}


def test_web_pages_may_not_read(cloud, s3):
    url = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": "try-output"})

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, headers={"Origin": "http://evil.example"}))
    with refused.value as response:
        assert response.status == 403
        assert "Access-Control-Allow-Origin" not in response.headers


def test_provisioning_again_changes_nothing(cloud, s3, messages):
    s3.put_object(Bucket="try-output", Key="kept", Body=b"x")
    before = provisioned(cloud, messages)

    provision(PIPELINE, s3=s3, sqs=cloud.client("sqs"), dynamodb=cloud.client("dynamodb"))

    assert provisioned(cloud, messages) == before
    assert s3.get_object(Bucket="try-output", Key="kept")["Body"].read() == b"x"


def test_everything_is_provisioned_as_described(cloud, messages):
    found = provisioned(cloud, messages)

    assert found["versioning"] == {"try-input": "Enabled", "try-output": None}
    assert found["public"] == {"try-input": {True}, "try-output": {True}}
    assert found["expiry"] == 1
    assert found["visibility"] == "600"
    assert json.loads(found["redrive"]) == {
        "deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:uploads-dead-letters",
        "maxReceiveCount": 3,
    }
    assert "s3.amazonaws.com" in found["policy"]
    assert found["keys"] == [("job", "HASH"), ("part", "RANGE")]
    assert found["ttl"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def provisioned(cloud, messages):
    s3, dynamodb = cloud.client("s3"), cloud.client("dynamodb")
    attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=messages.url("uploads"), AttributeNames=["All"])
    buckets = ("try-input", "try-output")
    table = dynamodb.describe_table(TableName="try-jobs")["Table"]
    return {
        "versioning": {name: s3.get_bucket_versioning(Bucket=name).get("Status") for name in buckets},
        "public": {
            name: set(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
            for name in buckets
        },
        "expiry": s3.get_bucket_lifecycle_configuration(Bucket="try-input")["Rules"][0]["Expiration"]["Days"],
        "visibility": attributes["Attributes"]["VisibilityTimeout"],
        "redrive": attributes["Attributes"]["RedrivePolicy"],
        "policy": attributes["Attributes"]["Policy"],
        "keys": [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]],
        "ttl": dynamodb.describe_time_to_live(TableName="try-jobs")["TimeToLiveDescription"],
    }
