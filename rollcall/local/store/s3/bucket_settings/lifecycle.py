"""What a bucket's rules remove by themselves: old objects, replaced versions, markers of nothing, unfinished uploads.

S3 counts from the midnight after an object was made, so something that expires after a day lives a day at least.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Any

from rollcall.local.store.s3 import versions
from rollcall.local.store.s3.bucket_settings import buckets, notifications
from rollcall.local.store.s3.bucket_settings.buckets import Bucket
from rollcall.local.store.s3.call import Call
from rollcall.local.store.s3.deletion import mark, remove
from rollcall.local.store.s3.files.change import Change, Storage
from rollcall.local.store.s3.s3_errors import NotSupported, S3Error
from rollcall.local.store.s3.uploads.multipart import drop_upload
from rollcall.local.store.s3.versions import Version

KIND = "lifecycle"
DAY = 86_400
MOST_RULES = 1000
MOST_ID = 255
AT_ONCE = 200  # versions of one transaction: others write in between
_ACTIONS = ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")

Rule = Mapping[str, Any]


def rules_of(call: Call) -> Any:
    """What PutBucketLifecycleConfiguration wants. Raises: S3Error."""
    rules = [dict(rule) for rule in (call.get("LifecycleConfiguration") or {}).get("Rules", [])]
    if not 1 <= len(rules) <= MOST_RULES:
        raise S3Error("MalformedXML")
    for number, rule in enumerate(rules):
        rule.setdefault("ID", f"{call.request_id}-{number}")
        _check(rule)
    if len({rule["ID"] for rule in rules}) < len(rules):
        raise S3Error("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule")
    return rules


def _check(rule: Rule) -> None:
    if {"Transitions", "Transition", "NoncurrentVersionTransitions", "NoncurrentVersionTransition"} & rule.keys():
        raise NotSupported("PutBucketLifecycleConfiguration with transitions")
    if len(rule["ID"]) > MOST_ID:
        raise S3Error("InvalidArgument", f"ID length should not exceed allowed limit of {MOST_ID}")
    if not any(action in rule for action in _ACTIONS) or ("Prefix" in rule) == ("Filter" in rule):
        raise S3Error("MalformedXML")
    expiration = rule.get("Expiration", {})
    if "Expiration" in rule and len(expiration.keys() & {"Days", "Date", "ExpiredObjectDeleteMarker"}) != 1:
        raise S3Error("MalformedXML")
    if "Date" in expiration and expiration["Date"].timestamp() % DAY:
        raise S3Error("InvalidArgument", "'Date' must be at midnight GMT")
    counted = (
        ("Days", expiration),
        ("NoncurrentDays", rule.get("NoncurrentVersionExpiration", {})),
        ("DaysAfterInitiation", rule.get("AbortIncompleteMultipartUpload", {})),
    )
    for name, action in counted:
        if name in action and action[name] < 1:
            raise S3Error("InvalidArgument", f"'{name}' for the action must be a positive integer")


def sweep(storage: Storage, request_id: str, ending: Event) -> None:
    """Do what the rules of every bucket ask for, until the end if that comes first."""
    for bucket in buckets.every(storage.database.read()):
        rules = buckets.setting(storage.database.read(), bucket, KIND) or []
        enabled = [rule for rule in rules if rule["Status"] == "Enabled"]
        if enabled:
            _Sweep(storage, bucket, enabled, request_id).run(ending)


@dataclass
class _Sweep:
    storage: Storage
    bucket: Bucket
    rules: Sequence[Rule]
    request_id: str

    def run(self, ending: Event) -> None:
        self._abort_uploads()
        before: Version | None = None
        newer = 0  # versions of this key that are kept, and not the current one
        for page in versions.pages(self.storage.database.read, self.bucket, AT_ONCE):
            if ending.is_set():
                return
            chosen: list[Version] = []
            for version in page:
                before, newer = (before, newer) if before and before.key == version.key else (None, 0)
                if self._is_over(version, before, newer):
                    chosen.append(version)
                elif not version.latest:
                    newer += 1
                before = version
            if chosen:
                self._remove(chosen)

    def _is_over(self, version: Version, replaced_by: Version | None, newer: int) -> bool:
        now = self.storage.clock()
        rules = [rule for rule in self.rules if _fits(rule, version)]
        if version.latest and not version.marker:
            return any((end := _end(rule, version)) is not None and end <= now for rule in rules)
        if version.latest:
            return any(_removes_markers(rule, version, now) for rule in rules) and self._is_alone(version)
        since = replaced_by.modified if replaced_by else version.modified
        return any(_noncurrent_over(rule, since, newer, now) for rule in rules)

    def _is_alone(self, marker: Version) -> bool:
        row = self.storage.database.read().execute(
            "SELECT COUNT(*) FROM s3_objects WHERE bucket = ? AND key = ?", (self.bucket.id, marker.key)
        )
        return bool(row.fetchone()[0] == 1)

    def _remove(self, chosen: Sequence[Version]) -> None:
        with self.storage.change() as change:
            for version in chosen:
                found = versions.exact(change.connection, self.bucket, version.key, version.version)
                if found is not None and found.id == version.id and found.latest == version.latest:
                    self._expire(change, found)

    def _expire(self, change: Change, version: Version) -> None:
        call = self._call(version.key)
        if version.latest and not version.marker and self.bucket.versioning:
            mark(call, change, self.bucket, version.key, notifications.EXPIRY_MARKED)
            return
        remove(change, self.bucket, version)
        notifications.announce(call, change, self.bucket, notifications.EXPIRED, version)

    def _abort_uploads(self) -> None:
        now = self.storage.clock()
        for rule in self.rules:
            if (days := rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")) is not None:
                for upload, key, started, assembly in self._uploads():
                    if key.startswith(_prefix(rule)) and _midnight(started) + days * DAY <= now:
                        with self.storage.change() as change:
                            drop_upload(change, self.bucket, upload, assembly)

    def _uploads(self) -> Iterator[tuple[str, str, float, str]]:
        rows = self.storage.database.read().execute(
            "SELECT id, key, started, assembly FROM s3_uploads WHERE bucket = ?", (self.bucket.id,)
        )
        yield from rows.fetchall()

    def _call(self, key: str) -> Call:
        return Call(
            storage=self.storage,
            request_id=self.request_id,
            bucket_name=self.bucket.name,
            key=key,
            headers={},
            values={},
        )


def _prefix(rule: Rule) -> str:
    wanted = rule.get("Filter", {})
    prefix: str = wanted.get("And", {}).get("Prefix") or wanted.get("Prefix") or rule.get("Prefix") or ""
    return prefix


def _fits(rule: Rule, version: Version) -> bool:
    wanted = rule.get("Filter", {})
    wanted = wanted.get("And", wanted)
    tags = wanted.get("Tags", [wanted["Tag"]] if "Tag" in wanted else [])
    return (
        version.key.startswith(_prefix(rule))
        and all(version.described.tags.get(tag["Key"]) == tag["Value"] for tag in tags)
        and wanted.get("ObjectSizeGreaterThan", -1) < version.size < wanted.get("ObjectSizeLessThan", math.inf)
    )


def _end(rule: Rule, version: Version) -> float | None:
    expiration = rule.get("Expiration", {})
    if "Days" in expiration:
        return _midnight(version.modified) + int(expiration["Days"]) * DAY
    if "Date" in expiration:
        return datetime.fromisoformat(expiration["Date"]).astimezone(UTC).timestamp()
    return None


def _removes_markers(rule: Rule, marker: Version, now: float) -> bool:
    """A marker with nothing under it goes where a rule says so, and as old objects do."""
    expiration = rule.get("Expiration", {})
    end = _end(rule, marker) if "Days" in expiration else None
    return bool(expiration.get("ExpiredObjectDeleteMarker")) or (end is not None and end <= now)


def _noncurrent_over(rule: Rule, since: float, newer: int, now: float) -> bool:
    action = rule.get("NoncurrentVersionExpiration")
    if action is None:
        return False
    old = _midnight(since) + action.get("NoncurrentDays", 0) * DAY <= now
    return bool(old and newer >= action.get("NewerNoncurrentVersions", 0))


def _midnight(seconds: float) -> float:
    return math.ceil(seconds / DAY) * DAY
