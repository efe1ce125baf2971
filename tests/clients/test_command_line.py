"""Clients that are programs: AWS CLI, rclone, s3cmd and s5cmd. boto3 judges what they have done."""

import json
from pathlib import Path

from tests.clients.checks import fetched, files, is_multipart, objects
from tests.clients.conftest import LARGE, LARGE_BYTES, Trial
from tests.clients.endpoint import Client, Endpoint

PART = 5 * 1024**2


def test_aws_cli(trial: Trial) -> None:
    endpoint, judge, bucket, content, folder, home = trial
    aws = Client("aws", endpoint, home)
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text("[default]\ns3 =\n  multipart_threshold = 5MB\n  multipart_chunksize = 5MB\n")

    aws("s3", "mb", f"s3://{bucket}")
    aws("s3", "sync", folder, f"s3://{bucket}/mirror", "--metadata", "owner=me")
    assert objects(judge, bucket, "mirror/") == {f"mirror/{key}": data for key, data in content.items()}
    assert judge.head_object(Bucket=bucket, Key="mirror/100%.txt")["Metadata"] == {"owner": "me"}
    assert is_multipart(judge, bucket, f"mirror/{LARGE}")
    assert aws("s3", "sync", folder, f"s3://{bucket}/mirror") == ""

    aws("s3", "sync", f"s3://{bucket}/mirror", "down")
    assert files(home / "down") == content
    (folder / "plain.txt").unlink()
    aws("s3", "sync", "--delete", folder, f"s3://{bucket}/mirror")
    assert "mirror/plain.txt" not in objects(judge, bucket)

    aws("s3api", "put-object", "--bucket", bucket, "--key", "a//b", "--body", folder / "100%.txt")
    told = json.loads(aws("s3api", "get-object", "--bucket", bucket, "--key", "a//b", "--range", "bytes=2-5", "part"))
    assert (told["ContentRange"], (home / "part").read_bytes()) == ("bytes 2-5/800", b"0%.t")
    aws("s3", "cp", f"s3://{bucket}/a//b", f"s3://{bucket}/copy + %/Grüße")
    assert objects(judge, bucket, "copy")["copy + %/Grüße"] == content["100%.txt"]

    assert [line.split()[-1] for line in aws("s3", "ls", f"s3://{bucket}/").splitlines()] == ["a/", "%/", "mirror/"]
    listed = json.loads(aws("s3api", "list-objects-v2", "--bucket", bucket, "--prefix", "a/", "--delimiter", "/"))
    assert listed["CommonPrefixes"] == [{"Prefix": "a//"}]
    assert fetched(endpoint, aws("s3", "presign", f"s3://{bucket}/copy + %/Grüße").strip()) == content["100%.txt"]

    names = {"Objects": [{"Key": "a//b"}, {"Key": "copy + %/Grüße"}, {"Key": "none"}]}
    deleted = json.loads(aws("s3api", "delete-objects", "--bucket", bucket, "--delete", json.dumps(names)))
    assert len(deleted["Deleted"]) == 3
    aws("s3", "rb", "--force", f"s3://{bucket}")
    assert bucket not in aws("s3", "ls")


def test_aws_cli_queues_and_tables(endpoint: Endpoint, tmp_path: Path) -> None:
    program = Client("aws", endpoint, tmp_path)

    def aws(*arguments: str) -> str:
        return program("--endpoint-url", endpoint.url, *arguments)  # for SQS, version 1 does not heed the environment

    url = json.loads(aws("sqs", "create-queue", "--queue-name", "cli"))["QueueUrl"]
    aws(
        "sqs",
        "send-message",
        "--queue-url",
        url,
        "--message-body",
        "Grüße",
        "--message-attributes",
        "a={DataType=Number,StringValue=1}",
    )
    received = json.loads(aws("sqs", "receive-message", "--queue-url", url, "--message-attribute-names", "All"))
    (message,) = received["Messages"]
    assert (message["Body"], message["MessageAttributes"]["a"]["StringValue"]) == ("Grüße", "1")
    aws("sqs", "delete-message", "--queue-url", url, "--receipt-handle", message["ReceiptHandle"])
    aws("sqs", "delete-queue", "--queue-url", url)

    table = ("--table-name", "cli")
    aws(
        "dynamodb", "create-table", *table, "--billing-mode", "PAY_PER_REQUEST",
        "--attribute-definitions", "AttributeName=id,AttributeType=S", "--key-schema", "AttributeName=id,KeyType=HASH",
    )  # fmt: skip
    aws("dynamodb", "wait", "table-exists", *table)
    aws("dynamodb", "put-item", *table, "--item", '{"id": {"S": "é"}, "n": {"N": "1"}}')
    aws(
        "dynamodb", "update-item", *table, "--key", '{"id": {"S": "é"}}', "--update-expression", "SET n = n + :one",
        "--expression-attribute-values", '{":one": {"N": "1"}}',
    )  # fmt: skip
    found = json.loads(
        aws(
            "dynamodb",
            "query",
            *table,
            "--key-condition-expression",
            "id = :id",
            "--expression-attribute-values",
            '{":id": {"S": "é"}}',
        )  # fmt: skip
    )
    assert found["Items"] == [{"id": {"S": "é"}, "n": {"N": "2"}}]
    aws("dynamodb", "delete-table", *table)


def test_rclone(trial: Trial) -> None:
    endpoint, judge, bucket, content, folder, home = trial
    program = Client("rclone", endpoint, home, without="AWS_CA_BUNDLE")  # it cannot start with that
    remote = (
        f":s3,provider=Other,env_auth=true,endpoint='{endpoint.url}',region=us-east-1,upload_cutoff=5M,chunk_size=5M"
    )

    def rclone(*arguments: str | Path) -> str:
        return program("--config", "", *arguments)

    rclone("mkdir", f"{remote}:{bucket}")
    rclone("sync", folder, f"{remote}:{bucket}/mirror")
    assert objects(judge, bucket) == {f"mirror/{key}": data for key, data in content.items()}
    assert is_multipart(judge, bucket, f"mirror/{LARGE}")
    rclone("check", "--download", folder, f"{remote}:{bucket}/mirror")

    rclone("sync", f"{remote}:{bucket}/mirror", "down")
    assert files(home / "down") == content
    assert {path.name: int(path.stat().st_mtime) for path in folder.iterdir() if path.is_file()} == {
        path.name: int(path.stat().st_mtime) for path in (home / "down").iterdir() if path.is_file()
    }
    (folder / "plus+sign.txt").unlink()
    rclone("sync", folder, f"{remote}:{bucket}/mirror")
    assert "mirror/plus+sign.txt" not in objects(judge, bucket)

    large = content[LARGE]
    assert rclone("cat", "--offset", "7", "--count", "6", f"{remote}:{bucket}/mirror/100%.txt") == "t100%."
    assert rclone("lsf", f"{remote}:{bucket}/mirror/sub") == "deep/\n"
    rclone("copyto", f"{remote}:{bucket}/mirror/{LARGE}", f"{remote}:{bucket}/copy + %/Grüße")
    rclone("moveto", f"{remote}:{bucket}/mirror/%41.txt", f"{remote}:{bucket}/moved")
    assert objects(judge, bucket)["copy + %/Grüße"] == large
    assert objects(judge, bucket)["moved"] == content["%41.txt"]
    assert fetched(endpoint, rclone("link", f"{remote}:{bucket}/copy + %/Grüße").strip()) == large
    size = json.loads(rclone("size", "--json", f"{remote}:{bucket}"))
    assert size["bytes"] == sum(map(len, objects(judge, bucket).values()))
    rclone("purge", f"{remote}:{bucket}/mirror")
    rclone("delete", f"{remote}:{bucket}")
    rclone("rmdir", f"{remote}:{bucket}")


def test_s3cmd(trial: Trial) -> None:
    endpoint, judge, bucket, content, folder, home = trial
    program = Client("s3cmd", endpoint, home)
    (home / "s3cmd.ini").write_text(
        f"[default]\naccess_key = {endpoint.credentials.access_key}\nsecret_key = {endpoint.credentials.secret_key}\n"
        f"host_base = {endpoint.address}\nhost_bucket = {endpoint.address}\n"
        f"use_https = {endpoint.authority is not None}\n"
        f"ca_certs_file = {endpoint.authority or ''}\nbucket_location = us-east-1\n"
    )

    def s3cmd(*arguments: str | Path) -> str:
        return program("--config", home / "s3cmd.ini", "--no-progress", *arguments)

    s3cmd("mb", f"s3://{bucket}")
    s3cmd(
        "sync",
        "--multipart-chunk-size-mb",
        "5",
        "--add-header",
        "x-amz-meta-owner: me",
        f"{folder}/",
        f"s3://{bucket}/mirror/",
    )
    assert objects(judge, bucket) == {f"mirror/{key}": data for key, data in content.items()}
    assert is_multipart(judge, bucket, f"mirror/{LARGE}")
    assert judge.head_object(Bucket=bucket, Key="mirror/plain.txt")["Metadata"]["owner"] == "me"

    s3cmd("sync", f"s3://{bucket}/mirror/", f"{home / 'down'}/")
    assert files(home / "down") == content
    (folder / "%41.txt").unlink()
    s3cmd("sync", "--delete-removed", f"{folder}/", f"s3://{bucket}/mirror/")
    assert "mirror/%41.txt" not in objects(judge, bucket)

    (home / "rest").write_bytes(content[LARGE][:PART])
    s3cmd("get", "--continue", f"s3://{bucket}/mirror/{LARGE}", home / "rest")  # asks for a range
    assert (home / "rest").read_bytes() == content[LARGE]
    s3cmd("cp", f"s3://{bucket}/mirror/100%.txt", f"s3://{bucket}/a//b")
    s3cmd("mv", f"s3://{bucket}/mirror/Grüße 日本.txt", f"s3://{bucket}/copy + %/Grüße")
    assert objects(judge, bucket, "a//")["a//b"] == content["100%.txt"]
    assert objects(judge, bucket, "copy")["copy + %/Grüße"] == content["Grüße 日本.txt"]
    assert [line.split()[-1] for line in s3cmd("ls", f"s3://{bucket}/mirror/sub/").splitlines()] == [
        f"s3://{bucket}/mirror/sub/deep/"
    ]
    assert "x-amz-meta-owner: me" in s3cmd("info", f"s3://{bucket}/mirror/plain.txt")
    assert f"{LARGE_BYTES}" in s3cmd("info", f"s3://{bucket}/mirror/{LARGE}")
    s3cmd("del", "--recursive", "--force", f"s3://{bucket}/")
    s3cmd("rb", f"s3://{bucket}")
    assert bucket not in s3cmd("ls")


def test_s5cmd(trial: Trial) -> None:
    endpoint, judge, bucket, content, folder, home = trial
    program = Client("s5cmd", endpoint, home)

    def s5cmd(*arguments: str | Path) -> str:
        return program("--endpoint-url", endpoint.url, *arguments)

    s5cmd("mb", f"s3://{bucket}")
    s5cmd("sync", "--part-size", "5", "--metadata", "owner=me", f"{folder}/", f"s3://{bucket}/mirror/")
    assert objects(judge, bucket) == {f"mirror/{key}": data for key, data in content.items()}
    assert is_multipart(judge, bucket, f"mirror/{LARGE}")
    assert judge.head_object(Bucket=bucket, Key="mirror/plain.txt")["Metadata"]["owner"] == "me"

    s5cmd("sync", "--part-size", "5", f"s3://{bucket}/mirror/*", f"{home / 'down'}/")  # gets ranges at once
    assert files(home / "down") == content
    (folder / "with space.txt").unlink()
    s5cmd("sync", "--delete", f"{folder}/", f"s3://{bucket}/mirror/")
    assert "mirror/with space.txt" not in objects(judge, bucket)

    s5cmd("cp", f"s3://{bucket}/mirror/100%.txt", f"s3://{bucket}/a//b")
    assert s5cmd("cat", f"s3://{bucket}/a//b").encode() == content["100%.txt"]
    assert [line.split()[-1] for line in s5cmd("ls", f"s3://{bucket}/").splitlines()] == ["a/", "mirror/"]
    assert fetched(endpoint, s5cmd("presign", f"s3://{bucket}/mirror/{LARGE}").strip()) == content[LARGE]
    s5cmd("rm", f"s3://{bucket}/*")
    assert objects(judge, bucket) == {}
    s5cmd("rb", f"s3://{bucket}")
