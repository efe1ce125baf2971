"""What S3 tells a queue when an object is made or removed, in AWS's form, once an object.

The message is in the transaction of the object: whoever is told that the object is there will get it.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from typing import Any
from urllib.parse import quote_plus

from rollcall.local.store.identity import ACCOUNT
from rollcall.local.store.s3.bucket_settings import buckets
from rollcall.local.store.s3.bucket_settings.buckets import Bucket
from rollcall.local.store.s3.call import Answer, Call
from rollcall.local.store.s3.files.change import Change
from rollcall.local.store.s3.s3_errors import S3Error
from rollcall.local.store.s3.versions import NULL, Version

KIND = "notification"
PUT, POST, COPY = "ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:Copy"
COMPLETED = "ObjectCreated:CompleteMultipartUpload"
DELETED, MARKED = "ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated"
EXPIRED, EXPIRY_MARKED = "LifecycleExpiration:Delete", "LifecycleExpiration:DeleteMarkerCreated"
MOST_CONFIGURATIONS = 100

Configuration = Mapping[str, Any]


def announce(call: Call, change: Change, bucket: Bucket, event: str, version: Version) -> None:
    """Tells the queues of a version; call it inside the transaction that makes or removes that version."""
    queues = call.storage.queues
    for configuration in buckets.setting(change.connection, bucket, KIND) or ():
        if _fits(configuration, event, version.key):
            record = _record(call, configuration["Id"], bucket, event, version)
            queues.notify(change.connection, configuration["QueueArn"], json.dumps({"Records": [record]}))


def get_configuration(call: Call) -> Answer:
    return Answer({"QueueConfigurations": buckets.setting(call.reader, call.bucket, KIND) or []})


def put_configuration(call: Call) -> Answer:
    wanted = call.get("NotificationConfiguration") or {}
    unsupported = {"TopicConfigurations", "LambdaFunctionConfigurations", "EventBridgeConfiguration"} & wanted.keys()
    if unsupported:
        raise S3Error("NotImplemented", f"{min(unsupported)} is not implemented by this store: it notifies queues.")
    configurations = [
        {**entry, "Id": entry.get("Id") or f"{call.request_id}-{number}"}
        for number, entry in enumerate(wanted.get("QueueConfigurations", []))
    ]
    _check(configurations)
    queues = call.storage.queues
    with call.storage.change() as change:
        bucket = buckets.find(change.connection, call.bucket_name)
        for configuration in configurations:
            if not queues.exists(change.connection, configuration["QueueArn"]):
                raise S3Error(
                    "InvalidArgument",
                    "Unable to validate the following destination configurations",
                    ArgumentName=configuration["QueueArn"],
                    ArgumentValue="The destination queue does not exist",
                )
        buckets.set_setting(change.connection, bucket, KIND, configurations or None)
        for arn in {configuration["QueueArn"] for configuration in configurations}:
            queues.notify(change.connection, arn, _test_event(bucket, call))
    return Answer()


def _check(configurations: Sequence[Configuration]) -> None:
    if len(configurations) > MOST_CONFIGURATIONS:
        raise S3Error("InvalidArgument", f"There may be at most {MOST_CONFIGURATIONS} configurations.")
    for configuration in configurations:
        names = [rule.get("Name", "").lower() for rule in _rules(configuration)]
        if len(names) != len(set(names)):
            raise S3Error("InvalidArgument", "Cannot specify more than one prefix or suffix rule in a filter.")
    for one, other in combinations(configurations, 2):
        if one["Id"] == other["Id"]:
            raise S3Error("InvalidArgument", "Same ID used for multiple configurations.")
        if _share_events(one, other) and _overlap(_filter(one), _filter(other)):
            raise S3Error(
                "InvalidArgument",
                "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
            )


def _share_events(one: Configuration, other: Configuration) -> bool:
    return any(_covers(a, b) or _covers(b, a) for a in one["Events"] for b in other["Events"])


def _covers(wanted: str, event: str) -> bool:
    return wanted == event or (wanted.endswith("*") and event.startswith(wanted[:-1]))


def _overlap(one: tuple[str, str], other: tuple[str, str]) -> bool:
    prefixes, suffixes = sorted((one[0], other[0]), key=len), sorted((one[1], other[1]), key=len)
    return prefixes[1].startswith(prefixes[0]) and suffixes[1].endswith(suffixes[0])


def _rules(configuration: Configuration) -> Sequence[Mapping[str, str]]:
    rules: Sequence[Mapping[str, str]] = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return rules


def _filter(configuration: Configuration) -> tuple[str, str]:
    rules = {rule.get("Name", "").lower(): rule.get("Value", "") for rule in _rules(configuration)}
    return rules.get("prefix", ""), rules.get("suffix", "")


def _fits(configuration: Configuration, event: str, key: str) -> bool:
    prefix, suffix = _filter(configuration)
    return (
        key.startswith(prefix)
        and key.endswith(suffix)
        and any(_covers(wanted, f"s3:{event}") for wanted in configuration["Events"])
    )


def _record(call: Call, configuration: str, bucket: Bucket, event: str, version: Version) -> dict[str, Any]:
    described: dict[str, Any] = {"key": quote_plus(version.key, safe="/")}
    if event.startswith("ObjectCreated"):
        described |= {"size": version.size, "eTag": version.etag}
    if version.version != NULL:
        described["versionId"] = version.version
    described["sequencer"] = f"{version.id:018X}"
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": _written(version.modified),
        "eventName": event,
        "userIdentity": {"principalId": f"AWS:{ACCOUNT}"},
        "requestParameters": {"sourceIPAddress": call.source},
        "responseElements": {"x-amz-request-id": call.request_id, "x-amz-id-2": call.request_id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": ACCOUNT},
                "arn": f"arn:aws:s3:::{bucket.name}",
            },
            "object": described,
        },
    }


def _test_event(bucket: Bucket, call: Call) -> str:
    return json.dumps(
        {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": _written(call.storage.clock()),
            "Bucket": bucket.name,
            "RequestId": call.request_id,
            "HostId": call.request_id,
        }
    )


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
