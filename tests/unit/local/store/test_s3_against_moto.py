"""The same requests to the store and to moto: where their answers differ, AWS's documents say who is right."""

import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from tests.unit.local.store.running_s3 import running_s3

PART = 5 * 1024 * 1024
KEYS = ["a", "a b", "a/b", "a/c/d", "b+c&d", "ü/ß", "%41", "z//y", "ends/", "=~!'()*;:@,$#?"]
# not the same from one run or server to the next
CHANGING = {"ResponseMetadata", "LastModified", "Initiated", "CreationDate", "Owner", "Initiator", "ID"}
IDS = {"VersionId", "UploadId", "DeleteMarkerVersionId", "CopySourceVersionId", "NextVersionIdMarker"}
# members that one side tells and the other does not, everywhere
UNTOLD = {
    "ChecksumAlgorithm": "S3 tells it of every object, moto in some answers",
    "ChecksumCRC32": "moto sends it with a part of an object too, of which it is not the checksum",
    "ChecksumCRC64NVME": "S3 computes it where a client sends none",
    "ChecksumType": "moto never tells it",
    "EncodingType": "moto does not repeat it in lists of versions",
    "BucketRegion": "moto does not know it",
    "Location": "the address of the server, or of AWS",
    "Marker": "S3 repeats it when it is empty too",
    "NextContinuationToken": "nobody but the server reads it",
    "NextMarker": "the last key in S3, a token in moto; S3 sends it with a delimiter alone",
}
# requests, by a pattern, whose answers differ, and what S3 does according to AWS's documents
REASONS = {
    r"delete_object_tagging of none.*": "404 where there is no object; moto fails",
    r"upload_part of none": "404 where there is no upload; moto fails",
    r"(get|head)_object If(None)?Match (etag 0|\* 0)": "an entity tag without quotes, and *, are compared as well",
    r"list_objects '(|a|a/)' '(/|b)' [12]": "keys and prefixes come in one order, and a page has so many of both",
    r"list_object_versions '(a|a/)' '(/|b)' [12]": "the same",
    r"list_objects after.*": "an empty prefix is repeated",
    r"list_multipart_uploads": "an empty prefix is repeated",
    r"delete_object unmark.*": "deleting a marker says that it was one",
    r"get_object newest Suspended": "the null version has a version id, `null`, once versions were on",
    r"delete_object marker Suspended": "a bucket whose versions are suspended gets a null marker",
    r"list_object_versions versions (Suspended|Enabled #1)": "a bucket whose versions are suspended gets a null marker",
    r"get_object unmarked Suspended": "without its marker the object is there again",
    r"complete_multipart_upload (order|small)": "the order of parts is looked at before their sizes",
    r"complete_multipart_upload": "no version id in a bucket without versions",
    r"head_object part 2": "a part has the entity tag and the headers of the object, and is a part of it (206)",
    r"delete_objects quiet": "a quiet request hears of errors alone",
    r"get_bucket_lifecycle_configuration set": "there is no other storage class here, so no size that it begins with",
    r"get_bucket_request_payment": "the owner pays",
    r"put_object (long key|metadata)": "limits: keys of 1,024 bytes, metadata of 2 KB",
    r"create_bucket bad name": "names of buckets have rules",
    r"list_objects_v2 negative": "a page cannot have -1 keys",
    r"put_bucket_versioning wrong": "a status is Enabled or Suspended",
}

Answers = dict[str, Any]


class Side:
    """One of the two servers. Ids are numbered as they come, so that both sides' are alike."""

    def __init__(self, url: str) -> None:
        self.s3 = _client(url)
        self.answers: Answers = {}
        self._ids: dict[str, str] = {"null": "null", "": ""}

    def ask(self, operation: str, *, about: str = "", **arguments: Any) -> Any:
        """The answer, or nothing where there was an error."""
        try:
            told = getattr(self.s3, operation)(**arguments)
        except ClientError as error:
            self._keep(
                operation,
                about,
                (error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]),
            )
            return {}
        self._keep(operation, about, (told["ResponseMetadata"]["HTTPStatusCode"], self._plain(told)))
        return told

    def _keep(self, operation: str, about: str, answer: Any) -> None:
        name = f"{operation} {about}".strip()
        again = sum(known.partition(" #")[0] == name for known in self.answers)
        self.answers[f"{name} #{again}" if again else name] = answer

    def _plain(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: self._named(name, entry) for name, entry in value.items() if name not in CHANGING | UNTOLD.keys()
            }
        if isinstance(value, list):
            return [self._plain(entry) for entry in value]
        return value.read() if hasattr(value, "read") else value

    def _named(self, name: str, value: Any) -> Any:
        return self._ids.setdefault(value, f"id {len(self._ids)}") if name in IDS else self._plain(value)


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Side, Side]]:
    moto = ThreadedMotoServer(port=0)
    moto.start()
    host, port = moto.get_host_and_port()
    with running_s3(tmp_path_factory.mktemp("store")) as running:
        yield tuple(Side(url) for url in (running.url, f"http://{host}:{port}"))  # type: ignore[misc]
    moto.stop()


def _client(url: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(proxies={}, retries={"max_attempts": 1}),
    )


def test_the_answers_are_alike(sides: tuple[Side, Side]) -> None:
    for side in sides:
        for scenario in (_buckets, _keys, _reading, _lists, _versions, _parts, _copies, _settings, _errors):
            scenario(side)
    ours, theirs = (side.answers for side in sides)

    assert ours.keys() == theirs.keys()
    assert len(ours) > 300
    different = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
    unexplained = {name: pair for name, pair in different.items() if not any(re.fullmatch(r, name) for r in REASONS)}
    assert not unexplained
    assert not [reason for reason in REASONS if not any(re.fullmatch(reason, name) for name in different)]


def _buckets(side: Side) -> None:
    side.ask("create_bucket", Bucket="main")
    side.ask("create_bucket", about="again", Bucket="main")
    side.ask(
        "create_bucket", about="elsewhere", Bucket="west", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    side.ask(
        "create_bucket",
        about="elsewhere again",
        Bucket="west",
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
    )
    side.ask(
        "create_bucket", about="there", Bucket="odd", CreateBucketConfiguration={"LocationConstraint": "us-east-1"}
    )
    for name in ("main", "west", "none"):
        side.ask("head_bucket", about=name, Bucket=name)
        side.ask("get_bucket_location", about=name, Bucket=name)
        side.ask("get_bucket_versioning", about=name, Bucket=name)
        side.ask("list_objects_v2", about=f"of {name}", Bucket=name)
    side.ask("list_buckets")
    side.ask("delete_bucket", Bucket="west")
    side.ask("delete_bucket", about="of none", Bucket="none")


def _keys(side: Side) -> None:
    for key in KEYS:
        said = {"Metadata": {"a": "b c"}, "ContentType": "text/x", "CacheControl": "no-cache"}
        side.ask("put_object", about=key, Bucket="main", Key=key, Body=key.encode(), **said)
        for operation in ("get_object", "head_object", "get_object_tagging"):
            side.ask(operation, about=key, Bucket="main", Key=key)
        side.ask("get_object_attributes", about=key, Bucket="main", Key=key, ObjectAttributes=["ETag", "ObjectSize"])
    for key in ("none", "a/", "b"):
        for operation in ("get_object", "head_object", "get_object_tagging", "delete_object", "delete_object_tagging"):
            side.ask(operation, about=f"of none: {key}", Bucket="main", Key=key)


def _reading(side: Side) -> None:
    where = {"Bucket": "main", "Key": "a/c/d"}
    ranges = ["bytes=0-1", "bytes=1-", "bytes=-2", "bytes=-99", "bytes=3-99", "bytes=9-", "bytes=99-", "bytes=-0"]
    ranges += ["bytes=4-4", "bytes=0-0", "bytes=0-4"]
    for wanted in ranges:
        side.ask("get_object", about=wanted, **where, Range=wanted)
        side.ask("head_object", about=wanted, **where, Range=wanted)
    etag = side.s3.head_object(**where)["ETag"]
    for name in ("IfMatch", "IfNoneMatch"):
        for value in (etag, etag.strip('"'), '"other"', "*"):
            for operation in ("get_object", "head_object"):
                about = f"{name} {'etag' if 'other' not in value and value != '*' else value} {value.count(chr(34))}"
                side.ask(operation, about=about, **where, **{name: value})
    for name in ("IfModifiedSince", "IfUnmodifiedSince"):
        for value in ("2001-01-01", "2035-01-01"):
            side.ask("get_object", about=f"{name} {value}", **where, **{name: value})
    overrides = {
        "ResponseContentType": "a/b", "ResponseCacheControl": "x", "ResponseContentDisposition": "attachment",
        "ResponseContentEncoding": "y", "ResponseContentLanguage": "de",
    }  # fmt: skip
    for name, text in overrides.items():
        side.ask("get_object", about=name, **where, **{name: text})


def _lists(side: Side) -> None:
    prefixes, delimiters, sizes = ("", "a", "a/", "no", "ü/"), ("", "/", "b"), (1, 2, 1000)
    for operation in ("list_objects_v2", "list_objects", "list_object_versions"):
        for prefix in prefixes:
            for delimiter in delimiters:
                for most in sizes:
                    asked: dict[str, Any] = {"Bucket": "main", "Prefix": prefix, "MaxKeys": most}
                    asked |= {"Delimiter": delimiter} if delimiter else {}
                    side.ask(operation, about=f"{prefix!r} {delimiter!r} {most}", **asked)
    for after in ("", "a", "a b", "zz"):
        side.ask("list_objects_v2", about=f"after {after}", Bucket="main", StartAfter=after)
        side.ask("list_objects", about=f"after {after}", Bucket="main", Marker=after)


def _versions(side: Side) -> None:
    side.ask("create_bucket", about="with versions", Bucket="versions")
    where = {"Bucket": "versions", "Key": "key"}
    side.ask("put_object", about="before versions", **where, Body=b"0")
    for status in ("Enabled", "Suspended", "Enabled"):
        side.ask("put_bucket_versioning", about=status, Bucket="versions", VersioningConfiguration={"Status": status})
        side.ask("get_bucket_versioning", about=status, Bucket="versions")
        for turn in range(2):
            version = side.ask("put_object", about=f"version {status}", **where, Body=f"{status} {turn}".encode()).get(
                "VersionId"
            )
        side.ask("get_object", about=f"newest {status}", **where)
        if version:
            side.ask("get_object", about=f"exact {status}", **where, VersionId=version)
            side.ask("head_object", about=f"exact {status}", **where, VersionId=version)
        marker = side.ask("delete_object", about=f"marker {status}", **where).get("VersionId", "null")
        side.ask("get_object", about=f"marked {status}", **where)
        side.ask("head_object", about=f"marked {status}", **where)
        side.ask("list_object_versions", about=f"versions {status}", Bucket="versions")
        side.ask("list_objects_v2", about=f"versions {status}", Bucket="versions")
        side.ask("delete_object", about=f"unmark {status}", **where, VersionId=marker)
        side.ask("get_object", about=f"unmarked {status}", **where)
    side.ask("get_object", about="no version", **where, VersionId="x" * 32)
    side.ask("delete_bucket", about="not empty", Bucket="versions")


def _parts(side: Side) -> None:
    where = {"Bucket": "main", "Key": "parts"}
    upload = side.ask("create_multipart_upload", **where, Metadata={"a": "b"}, ContentType="c/d").get("UploadId", "")
    parts = []
    for number, body in enumerate((b"1" * PART, b"2" * PART, b"3"), 1):
        part = side.ask("upload_part", about=str(number), **where, UploadId=upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    side.ask("list_parts", **where, UploadId=upload)
    side.ask("list_parts", about="2", **where, UploadId=upload, MaxParts=2)
    side.ask("list_multipart_uploads", Bucket="main")
    for about, chosen in (("order", parts[::-1]), ("small", [parts[2], *parts[:1]]), ("none", [])):
        side.ask("complete_multipart_upload", about=about, **where, UploadId=upload, MultipartUpload={"Parts": chosen})
    wrong = [{"PartNumber": 1, "ETag": "x"}]
    side.ask("complete_multipart_upload", about="wrong", **where, UploadId=upload, MultipartUpload={"Parts": wrong})
    side.ask("complete_multipart_upload", **where, UploadId=upload, MultipartUpload={"Parts": parts})
    side.ask("head_object", about="parts", **where)
    side.ask("get_object", about="parts", **where, Range=f"bytes={PART - 1}-{PART}")
    side.ask("head_object", about="part 2", **where, PartNumber=2)
    for operation in ("abort_multipart_upload", "list_parts"):
        side.ask(operation, about="of none", **where, UploadId="none")
    side.ask("upload_part", about="of none", **where, UploadId="none", PartNumber=1, Body=b"")
    upload = side.ask("create_multipart_upload", about="aborted", **where).get("UploadId", "")
    side.ask("abort_multipart_upload", **where, UploadId=upload)


def _copies(side: Side) -> None:
    source = {"Bucket": "main", "Key": "a/c/d"}
    side.ask("copy_object", Bucket="main", Key="copy", CopySource=source)
    side.ask("head_object", about="copy", Bucket="main", Key="copy")
    side.ask(
        "copy_object",
        about="replace",
        Bucket="main",
        Key="copy",
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"x": "y"},
    )
    side.ask("head_object", about="replaced", Bucket="main", Key="copy")
    side.ask("copy_object", about="itself", Bucket="main", Key="a/c/d", CopySource=source)
    side.ask("copy_object", about="of none", Bucket="main", Key="copy", CopySource="main/none")
    side.ask("copy_object", about="of no bucket", Bucket="main", Key="copy", CopySource="none/none")
    objects = [{"Key": "copy"}, {"Key": "none"}]
    side.ask("delete_objects", Bucket="main", Delete={"Objects": objects})
    side.ask("delete_objects", about="quiet", Bucket="main", Delete={"Objects": objects, "Quiet": True})
    tags = {"TagSet": [{"Key": "k", "Value": "v"}]}
    side.ask("put_object_tagging", Bucket="main", Key="a", Tagging=tags)
    side.ask("get_object_tagging", about="tagged", Bucket="main", Key="a")
    side.ask("head_object", about="tagged", Bucket="main", Key="a")
    side.ask("delete_object_tagging", Bucket="main", Key="a")


def _settings(side: Side) -> None:
    cors = {"CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "MaxAgeSeconds": 5}]}
    rules = {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "x"}, "Expiration": {"Days": 1}}]}
    block = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }
    tags = {"TagSet": [{"Key": "k", "Value": "v"}]}
    settings = [
        ("bucket_cors", "CORSConfiguration", cors, "delete_bucket_cors"),
        ("bucket_lifecycle_configuration", "LifecycleConfiguration", rules, "delete_bucket_lifecycle"),
        ("public_access_block", "PublicAccessBlockConfiguration", block, "delete_public_access_block"),
        ("bucket_tagging", "Tagging", tags, "delete_bucket_tagging"),
    ]
    for name, member, value, delete in settings:
        for about, operation, arguments in (
            ("unset", f"get_{name}", {}),
            ("", f"put_{name}", {member: value}),
            ("set", f"get_{name}", {}),
            ("", delete, {}),
            ("deleted", f"get_{name}", {}),
        ):
            side.ask(operation, about=about, Bucket="main", **arguments)
    for name in ("policy", "website", "replication", "logging", "notification_configuration", "request_payment"):
        side.ask(f"get_bucket_{name}", Bucket="main")
    side.ask("get_object_lock_configuration", Bucket="main")


def _errors(side: Side) -> None:
    for operation in ("get_object", "head_object", "delete_object", "put_object"):
        side.ask(operation, about="no bucket", Bucket="none", Key="key")
    side.ask("put_object", about="long key", Bucket="main", Key="k" * 1025)
    side.ask("put_object", about="metadata", Bucket="main", Key="k", Metadata={"a": "x" * 3000})
    side.ask("put_object", about="exists", Bucket="main", Key="a", IfNoneMatch="*")
    side.ask("put_object", about="other", Bucket="main", Key="a", IfMatch='"other"')
    side.ask("put_object", about="none", Bucket="main", Key="nothing", IfMatch='"other"')
    side.ask("create_bucket", about="bad name", Bucket="a..b")
    side.ask("list_objects_v2", about="negative", Bucket="main", MaxKeys=-1)
    side.ask("delete_objects", about="no bucket", Bucket="none", Delete={"Objects": [{"Key": "a"}]})
    side.ask("put_bucket_versioning", about="wrong", Bucket="main", VersioningConfiguration={"Status": "Perhaps"})
