"""Forgetting a person: the record, the enrolled faces, and the name and the crops in every stored result.

What was seen stays, as one more of the unknown. Every step may be done again; what is already gone is not an error.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import ClientError
from pydantic import ValidationError

from rollcall.contracts.errors import RollcallError
from rollcall.contracts.object_keys import KEPT_UNDER, crop_key, crops_prefix, result_key
from rollcall.contracts.s3_absence import is_gone
from rollcall.people.gallery_store import GalleryStore
from rollcall.people.people_store import PeopleStore
from rollcall.results.conditional_writes import ConditionalWrites
from rollcall.results.name_texts import NameTexts
from rollcall.results.output_files import RESULT, beside_json
from rollcall.results.result import Best, Person, Result, Unknown

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

READERS = 8  # parallel GETs
LIST_AT_ONCE = 1000  # S3's own limit, also of keys in one DeleteObjects request
MAX_RESULT_BYTES = 64 * 1024**2
REWRITE_ATTEMPTS = 5

_STRANGER = re.compile(r"unknown-[0-9]+")
_RESULT_SUFFIX = result_key("")


@dataclass(frozen=True, kw_only=True)
class ForgottenPerson:
    record: bool  # whether there was one
    faces: int


@dataclass(frozen=True, kw_only=True)
class ForgottenResults:
    """One stretch of the output bucket."""

    looked_at: int  # results
    rewritten: int
    crops: int
    next_after: str | None  # where the next stretch begins; None at the bucket's end


class Forgetter:
    def __init__(
        self, *, s3: "S3Client", input_bucket: str, output_bucket: str, people: PeopleStore, gallery: GalleryStore
    ) -> None:
        self._s3 = s3
        self._input_bucket = input_bucket
        self._bucket = output_bucket
        self._texts = NameTexts(s3, output_bucket)
        self._writes = ConditionalWrites(s3, output_bucket)
        self._people = people
        self._gallery = gallery

    def forget_person(self, name: str) -> ForgottenPerson:
        """Removes record and faces. After that only a lookup that had read the gallery before gives this name."""
        faces = self._gallery.faces_of(name)
        self._gallery.remove((name, face) for face in faces)
        return ForgottenPerson(record=self._people.remove(name), faces=len(faces))

    def forget_photos(self, name: str) -> int:
        """Deletes kept photos that came by HTTP and show this person. Call it before the crops are forgotten:
        they lead to the photos. What people uploaded to the bucket themselves stays theirs."""
        return sum(delete_versions(self._s3, self._input_bucket, key) for key in self.kept_photos_of(name))

    def kept_photos_of(self, name: str) -> set[str]:
        """Every face on a kept photo has a crop, and a crop's key has its person's name."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=f"{KEPT_UNDER}/")
        found = (item["Key"] for page in pages for item in page.get("Contents", ()))
        return {key.rpartition(crops_prefix(""))[0] for key in found if _is_crop_of(key, name)}

    def forget_results(self, name: str, *, after: str | None = None) -> ForgottenResults:
        """Rewrites results among the next 1,000 objects. Call it again with `next_after` until that is None."""
        listed = self._s3.list_objects_v2(Bucket=self._bucket, MaxKeys=LIST_AT_ONCE, **_start(after))
        keys = [item["Key"] for item in listed.get("Contents", ())]
        results = [key for key in keys if key.endswith(_RESULT_SUFFIX)]
        crops = [key for key in keys if _is_crop_of(key, name)]
        with ThreadPoolExecutor(READERS) as pool:
            rewritten = sum(pool.map(lambda key: self._rewrite(key, name), results))
        self._delete(crops)
        return ForgottenResults(
            looked_at=len(results),
            rewritten=rewritten,
            crops=len(crops),
            next_after=keys[-1] if listed.get("IsTruncated") else None,
        )

    def _rewrite(self, key: str, name: str) -> bool:
        for _ in range(REWRITE_ATTEMPTS):
            found = self._get(key)
            result = None if found is None else _parse(found)
            if found is None or result is None or result_key(result.video) != key:
                return False  # gone, the answer to a failed upload, or nothing that Rollcall has put there
            if all(person.name != name for person in result.people):
                return False
            if self._put(result_without(result, name), found):
                return True
        raise RollcallError(f"{key}: changed {REWRITE_ATTEMPTS} times while it was rewritten; run this again")

    def _get(self, key: str) -> "GetObjectOutputTypeDef | None":
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if is_gone(error):
                return None
            raise

    def _put(self, result: Result, found: "GetObjectOutputTypeDef") -> bool:
        """False if a newer upload was published meanwhile. The JSON comes last: until then this can be done again."""
        metadata = found["Metadata"]
        for file in beside_json():
            # what was deleted is not brought back
            key = file.key(result.video)
            if file.holds_names and (etag := self._writes.etag(key)) is not None:
                self._writes.put(key, file, result, metadata, etag=etag)
        self._texts.rewrite(result.video, result, metadata)
        if not self._writes.put(RESULT.key(result.video), RESULT, result, metadata, etag=found["ETag"]):
            return False
        self._texts.rewrite(result.video, result, metadata)  # it may have been made from the JSON of before meanwhile
        return True

    def _delete(self, keys: Sequence[str]) -> None:
        if keys:
            self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in keys]})


def delete_versions(s3: "S3Client", bucket: str, key: str) -> int:
    """Returns how many there were."""
    listed = s3.list_object_versions(Bucket=bucket, Prefix=key).get("Versions", ())
    versions = [version["VersionId"] for version in listed if version["Key"] == key]
    for version in versions:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
    return len(versions)


def result_without(result: Result, name: str) -> Result:
    """The same result with that person among the unknown."""
    unknown = list(result.unknown)
    taken = {stranger.id for stranger in unknown}
    for person in (person for person in result.people if person.name == name):
        number = next(number for number in range(1, len(taken) + 2) if f"unknown-{number}" not in taken)
        taken.add(f"unknown-{number}")
        unknown.append(_as_unknown(person, f"unknown-{number}"))
    return result.model_copy(
        update={"people": [person for person in result.people if person.name != name], "unknown": unknown}
    )


def _as_unknown(person: Person, label: str) -> Unknown:
    return Unknown(
        id=label,
        first_seen=person.first_seen,
        last_seen=person.last_seen,
        segments=person.segments,
        best=Best(time=person.best.time, box=person.best.box, crop=None),
    )


def _parse(found: "GetObjectOutputTypeDef") -> Result | None:
    """None for the answer to a failed upload, which names nobody."""
    if found["ContentLength"] > MAX_RESULT_BYTES:
        raise RollcallError(f"a result of {found['ContentLength']} bytes; at most {MAX_RESULT_BYTES} are read")
    try:
        return Result.model_validate_json(found["Body"].read())
    except ValidationError:
        return None


def _is_crop_of(key: str, name: str) -> bool:
    if _STRANGER.fullmatch(name):
        return False  # the crops under such a name are of somebody else in each result
    number = re.search(r"-([0-9]+)\.jpg$", key)
    return number is not None and key.endswith(crop_key("", name, int(number[1])))


class _Start(TypedDict, total=False):
    StartAfter: str


def _start(after: str | None) -> _Start:
    return _Start() if after is None else _Start(StartAfter=after)
