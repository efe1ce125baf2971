"""PostObject: an upload from a web page's form, as its signed policy allows it."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit
from xml.sax.saxutils import escape

from rollcall.local.store.http import Request
from rollcall.local.store.s3 import object_writes as writes
from rollcall.local.store.s3 import xml_tree
from rollcall.local.store.s3.bucket_settings import notifications
from rollcall.local.store.s3.call import Answer, Call
from rollcall.local.store.s3.s3_errors import S3Error
from rollcall.local.store.s3.signatures import Gate
from rollcall.local.store.s3.uploads.checksums import sent_with
from rollcall.local.store.s3.uploads.form_reader import FormReader
from rollcall.local.store.s3.uploads.intake import MOST_BYTES, Intake, Promise, Received, md5_of
from rollcall.local.store.s3.uploads.post_policy import PostPolicy
from rollcall.local.store.s3.versions import Version

STATUSES = {"200": 200, "201": 201}
T = TypeVar("T")


async def post_object(call: Call, request: Request, gate: Gate, executor: Executor) -> Answer:
    """Raises: S3Error."""

    async def on_thread(work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(executor, work)

    form = FormReader(request.headers.get("content-type", ""), request.body)
    fields = await form.read_fields()
    if "key" not in fields:
        raise S3Error("InvalidArgument", "Bucket POST must contain a field named 'key'.", ArgumentName="key")
    fields["key"] = fields["key"].replace("${filename}", form.file_name.replace("\\", "/").rpartition("/")[2])
    policy = _policy(call, fields, gate)
    call = replace(call, key=fields["key"], headers=_headers(fields))
    await on_thread(lambda: writes.check_new_object(call))
    least, most = policy.sizes or (0, MOST_BYTES)
    intake = Intake(blobs=call.storage.blobs, executor=executor, promise=_promise(call), most=min(most, MOST_BYTES))
    finish = await intake.receive(form.file())
    version = await on_thread(lambda: _store(call, finish, least))
    return _answer(fields, call, version)


def _policy(call: Call, fields: Mapping[str, str], gate: Gate) -> PostPolicy:
    signature = fields.get("x-amz-signature") or fields.get("signature")
    if "policy" in fields and not signature:
        raise S3Error(
            "InvalidArgument", "Bucket POST must contain a field named 'signature'.", ArgumentName="signature"
        )
    if "policy" not in fields:
        raise S3Error("AccessDenied", "Access Denied: a form needs a policy.")
    gate.check_form(fields)
    policy = PostPolicy.read(fields["policy"])
    policy.check({**fields, "bucket": call.bucket_name}, datetime.fromtimestamp(call.storage.clock(), UTC))
    return policy


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    """A form's fields are the headers of a PutObject by another way. Raises: S3Error."""
    kept = {
        name: value
        for name, value in fields.items()
        if name.startswith(("x-amz-meta-", "x-amz-checksum-", "x-amz-server-side-", "x-amz-object-lock-"))
        or name in (*writes.KEPT_HEADERS, "content-md5")
    }
    for name, value in kept.items():
        if not f"{name}{value}".isprintable():
            raise S3Error("InvalidArgument", "A field has control characters.", ArgumentName=name)
    headers = {name: value.encode().decode("latin-1") for name, value in kept.items()}
    if fields.get("acl"):
        headers["x-amz-acl"] = fields["acl"]
    if fields.get("tagging"):
        headers["x-amz-tagging"] = _tags(fields["tagging"])
    return headers


def _tags(document: str) -> str:
    tag_set = xml_tree.parse(document.encode()).children
    pairs = [{child.name: child.text for child in tag.children} for tags in tag_set for tag in tags.children]
    return urlencode([(pair.get("Key", ""), pair.get("Value", "")) for pair in pairs])


def _promise(call: Call) -> Promise:
    return Promise(
        length=None,
        decoded_length=None,
        chunked=False,
        md5=md5_of(call.headers),
        sha256=None,
        checksum=sent_with(call.headers),
    )


def _store(call: Call, finish: Callable[[], Received], least: int) -> Version:
    call.received = finish()
    if call.received.size < least:
        call.received.discard()
        raise S3Error("EntityTooSmall", ProposedSize=str(call.received.size), MinSizeAllowed=str(least))
    with call.storage.placed(call.received) as placed:
        return writes.store(call, placed, notifications.POST, writes.described(call))


def _answer(fields: Mapping[str, str], call: Call, version: Version) -> Answer:
    path = f"/{call.bucket_name}/{quote(call.key)}"
    headers = {"etag": f'"{version.etag}"', "location": path} | writes.version_header(call, version)
    target = fields.get("success_action_redirect") or fields.get("redirect") or ""
    if (target.startswith(("http://", "https://"))) and target.isprintable() and target.isascii():
        return Answer(status=303, headers=headers | {"location": _redirect(target, call, version)}, body=b"")
    status = STATUSES.get(fields.get("success_action_status", ""), 204)
    if status != STATUSES["201"]:
        return Answer(status=status, headers=headers, body=b"")
    inner = (
        f"<Location>{escape(path)}</Location><Bucket>{call.bucket_name}</Bucket>"
        f"<Key>{escape(call.key)}</Key><ETag>&quot;{version.etag}&quot;</ETag>"
    )
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse>{inner}</PostResponse>'
    return Answer(status=status, headers=headers | {"content-type": "application/xml"}, body=document.encode())


def _redirect(target: str, call: Call, version: Version) -> str:
    scheme, host, path, query, fragment = urlsplit(target)
    told = [("bucket", call.bucket_name), ("key", call.key), ("etag", f'"{version.etag}"')]
    return urlunsplit((scheme, host, path, urlencode([*parse_qsl(query, keep_blank_values=True), *told]), fragment))
