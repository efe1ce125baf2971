"""Buckets: create, delete, and what is set on them."""

from collections.abc import Callable, Mapping
from typing import Any

from rollcall.local.store.s3 import versions
from rollcall.local.store.s3.addresses import check_bucket_name
from rollcall.local.store.s3.bucket_settings import buckets, cors
from rollcall.local.store.s3.bucket_settings.buckets import ENABLED, SUSPENDED
from rollcall.local.store.s3.call import Answer, Call
from rollcall.local.store.s3.object_writes import PRIVATE_ACLS
from rollcall.local.store.s3.owner import OWNER
from rollcall.local.store.s3.s3_errors import NotSupported, S3Error
from rollcall.local.store.s3.uploads.multipart import drop_upload

DEFAULT_REGION = "us-east-1"
MOST_BUCKETS = 10_000
_GRANTS = {
    "Owner": OWNER,
    "Grants": [{"Grantee": {"Type": "CanonicalUser", **OWNER}, "Permission": "FULL_CONTROL"}],
}


def create_bucket(call: Call) -> Answer:
    check_bucket_name(call.bucket_name)
    if call.headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true":
        raise NotSupported("CreateBucket with object lock")
    _check_private(call)
    region = _region(call)
    with call.storage.change() as change:
        found = change.connection.execute(
            "SELECT region FROM s3_buckets WHERE name = ?", (call.bucket_name,)
        ).fetchone()
        if found is not None and (found[0] != DEFAULT_REGION or region != DEFAULT_REGION):
            raise S3Error("BucketAlreadyOwnedByYou", BucketName=call.bucket_name)
        if found is None:
            change.connection.execute(
                "INSERT INTO s3_buckets (name, created, region) VALUES (?, ?, ?)",
                (call.bucket_name, call.storage.clock(), region),
            )
            change.work.append(lambda: call.storage.view.show_bucket(call.bucket_name))
    return Answer({"Location": f"/{call.bucket_name}"})


def delete_bucket(call: Call) -> Answer:
    with call.storage.change() as change:
        connection = change.connection
        bucket = buckets.find(connection, call.bucket_name)
        if not buckets.is_empty(connection, bucket):
            raise S3Error("BucketNotEmpty", BucketName=bucket.name)
        for upload, assembly in connection.execute(
            "SELECT id, assembly FROM s3_uploads WHERE bucket = ?", (bucket.id,)
        ).fetchall():
            drop_upload(change, bucket, upload, assembly)
        connection.execute("DELETE FROM s3_settings WHERE bucket = ?", (bucket.id,))
        connection.execute("DELETE FROM s3_buckets WHERE id = ?", (bucket.id,))
        change.work.append(lambda: call.storage.view.hide_bucket(bucket.name))
    return Answer()


def head_bucket(call: Call) -> Answer:
    return Answer(headers={"x-amz-bucket-region": call.bucket.region})


def get_bucket_location(call: Call) -> Answer:
    region = call.bucket.region
    inner = "" if region == DEFAULT_REGION else region
    document = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inner}</LocationConstraint>'
    )
    return Answer(headers={"content-type": "application/xml"}, body=document.encode())


def get_bucket_versioning(call: Call) -> Answer:
    return Answer({"Status": call.bucket.versioning or None})


def put_bucket_versioning(call: Call) -> Answer:
    wanted = call.get("VersioningConfiguration") or {}
    if wanted.get("Status") not in (ENABLED, SUSPENDED):
        raise S3Error("IllegalVersioningConfigurationException")
    if wanted.get("MFADelete") == ENABLED:
        raise NotSupported("PutBucketVersioning with MFA delete")
    with call.storage.change() as change:
        bucket = buckets.find(change.connection, call.bucket_name)
        change.connection.execute("UPDATE s3_buckets SET versioning = ? WHERE id = ?", (wanted["Status"], bucket.id))
    return Answer()


def get_acl(call: Call) -> Answer:
    if call.key:
        versions.wanted(call.reader, call.bucket, call.key, call.get("VersionId"))
    _ = call.bucket
    return Answer(_GRANTS)


def put_acl(call: Call) -> Answer:
    """Everything belongs to one account: private is all that there is."""
    get_acl(call)
    _check_private(call)
    wanted = call.get("AccessControlPolicy") or {}
    if any(grant.get("Grantee", {}).get("ID") != OWNER["ID"] for grant in wanted.get("Grants", [])):
        raise S3Error("AccessControlListNotSupported")
    return Answer()


def get_ownership_controls(call: Call) -> Answer:
    _ = call.bucket
    return Answer({"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}})


def put_ownership_controls(call: Call) -> Answer:
    _ = call.bucket
    rules = (call.get("OwnershipControls") or {}).get("Rules", [])
    if [rule["ObjectOwnership"] for rule in rules] != ["BucketOwnerEnforced"]:
        raise NotSupported("PutBucketOwnershipControls with ACLs")
    return Answer()


def get_bucket_request_payment(call: Call) -> Answer:
    _ = call.bucket
    return Answer({"Payer": "BucketOwner"})


def nothing(call: Call) -> Answer:
    """What cannot be set here is not set."""
    _ = call.bucket
    return Answer()


def missing(code: str) -> Callable[[Call], Answer]:
    """The same, where AWS answers with an error."""

    def answer(call: Call) -> Answer:
        _ = call.bucket
        raise S3Error(code, BucketName=call.bucket_name)

    return answer


def getter(kind: str, code: str, shown: Callable[[Any], Mapping[str, Any]]) -> Callable[[Call], Answer]:
    def answer(call: Call) -> Answer:
        value = buckets.setting(call.reader, call.bucket, kind)
        if value is None:
            raise S3Error(code, BucketName=call.bucket_name)
        return Answer(dict(shown(value)))

    return answer


def setter(kind: str, read: Callable[[Call], Any]) -> Callable[[Call], Answer]:
    """`read` checks what is wanted; None removes it."""

    def answer(call: Call) -> Answer:
        value = read(call)
        with call.storage.change() as change:
            buckets.set_setting(change.connection, buckets.find(change.connection, call.bucket_name), kind, value)
        return Answer()

    return answer


def cors_rules(call: Call) -> Any:
    rules = call.get("CORSConfiguration")["CORSRules"]
    cors.check(rules)
    return rules


def public_access_block(call: Call) -> Any:
    wanted = call.get("PublicAccessBlockConfiguration")
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    return {name: wanted.get(name, False) for name in names}


def _region(call: Call) -> str:
    wanted = (call.get("CreateBucketConfiguration") or {}).get("LocationConstraint", "")
    region: str = {"": DEFAULT_REGION, "EU": "eu-west-1"}.get(wanted, wanted)
    return region


def _check_private(call: Call) -> None:
    granted = any(name.startswith("x-amz-grant-") for name in call.headers)
    if granted or call.headers.get("x-amz-acl", "") not in PRIVATE_ACLS:
        raise S3Error("AccessControlListNotSupported")
