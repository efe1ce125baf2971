"""Clients that are libraries: boto3 here; minio-py, s3fs and the JavaScript SDK in programs of their own."""

import io
import json
from contextlib import closing
from pathlib import Path

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.clients.checks import fetched, is_multipart, objects
from tests.clients.conftest import LARGE, Trial
from tests.clients.endpoint import CLIENTS, PROGRAMS, Client, Endpoint, missing

PARTS = TransferConfig(multipart_threshold=5 * 1024**2, multipart_chunksize=5 * 1024**2)


def test_boto3(trial: Trial) -> None:
    endpoint, _judge, bucket, content, *_ = trial
    with closing(endpoint.client("s3")) as s3:
        s3.create_bucket(Bucket=bucket)
        for key, data in content.items():
            s3.upload_fileobj(io.BytesIO(data), bucket, key, ExtraArgs={"Metadata": {"owner": "me"}}, Config=PARTS)
        s3.copy({"Bucket": bucket, "Key": LARGE}, bucket, "copy + %/Grüße", Config=PARTS)
        s3.copy_object(Bucket=bucket, Key="a//b", CopySource={"Bucket": bucket, "Key": "Grüße 日本.txt"})

        copies = {"copy + %/Grüße": content[LARGE], "a//b": content["Grüße 日本.txt"]}
        assert objects(s3, bucket) == content | copies
        assert is_multipart(s3, bucket, LARGE)
        part = s3.get_object(Bucket=bucket, Key=LARGE, Range="bytes=-7")
        assert part["Body"].read() == content[LARGE][-7:]
        assert part["Metadata"] == {"owner": "me"}
        listed = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
        assert [item["Prefix"] for item in listed["CommonPrefixes"]] == ["a/", "copy + %/", "sub/"]
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "copy + %/Grüße"})
        assert fetched(endpoint, url) == content[LARGE]
        deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in content | copies]})
        assert "Errors" not in deleted
        s3.delete_bucket(Bucket=bucket)


def test_minio(trial: Trial) -> None:
    endpoint, judge, bucket, content, folder, home = trial
    told = json.loads(python(endpoint, home, "minio_client.py", bucket, folder))

    assert told == {
        "bucket": True,
        "part": content[LARGE][5:12].hex(),
        "owner": "me",
        "folders": ["a/", "sub/"],
        "errors": [],
    }
    assert objects(judge, bucket) == {"copy + %/Grüße": content[LARGE]}
    assert fetched(endpoint, (home / "url").read_text()) == content[LARGE]


def test_s3fs(trial: Trial) -> None:
    endpoint, judge, bucket, content, folder, home = trial
    told = json.loads(python(endpoint, home, "s3fs_client.py", bucket, folder))

    assert told == {"part": content[LARGE][5:12].hex(), "owner": "me", "folders": [f"{bucket}/mirror/sub"], "left": []}
    assert objects(judge, bucket) == {"copy + %/Grüße": content[LARGE], "written": content[LARGE]}
    assert is_multipart(judge, bucket, "written")
    assert fetched(endpoint, (home / "url").read_text()) == content[LARGE]


def test_javascript(trial: Trial) -> None:
    endpoint, judge, bucket, content, folder, home = trial
    if not (CLIENTS / "node_modules" / "@aws-sdk" / "client-s3").is_dir():
        missing("the JavaScript SDK is not installed")
    told = json.loads(Client("node", endpoint, home)(PROGRAMS / "javascript_client.cjs", bucket, folder))

    assert told == {
        "part": content[LARGE][5:12].hex(),
        "owner": "me",
        "folders": ["a/", "copy + %/", "sub/"],
        "deleted": len(content) + 1,
        "body": "Grüße",
        "item": {"id": {"S": "é"}, "n": {"N": "2"}},
        "refused": "ConditionalCheckFailedException",
    }
    assert objects(judge, bucket) == {"copy + %/Grüße": content[LARGE]}
    assert is_multipart(judge, bucket, "copy + %/Grüße")
    assert fetched(endpoint, (home / "url").read_text()) == content[LARGE]


def test_wrong_keys_are_refused_where_other_machines_ask(endpoint: Endpoint) -> None:
    if endpoint.authority is None:
        pytest.skip("this machine's own programs need no keys")
    stranger = Endpoint(
        url=endpoint.url,
        credentials=type(endpoint.credentials)(access_key=endpoint.credentials.access_key, secret_key="guess"),
        authority=endpoint.authority,
    )
    with closing(stranger.client("s3")) as s3, pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        s3.list_buckets()


def python(endpoint: Endpoint, home: Path, program: str, *arguments: str | Path) -> str:
    if not (CLIENTS / "bin" / "python").is_file():
        missing("minio-py and s3fs are not installed")
    return Client(str(CLIENTS / "bin" / "python"), endpoint, home)(PROGRAMS / program, *arguments)
