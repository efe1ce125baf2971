"""All that smoke tests leave in a deployment, and its removal; doing it again changes nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rollcall.cli.deployment import Deployment
from rollcall.cli.smoke.smoke_people import MARKED
from rollcall.cli.smoke.turn import Turn
from rollcall.contracts.object_keys import job_id
from rollcall.pipeline.roles import BucketRole

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

ROOT = "rollcall-smoke-test"  # every upload's key starts so, but for those that the API has chosen
KEY_NAME = "Rollcall smoke test"
DELETED_AT_ONCE = 1000  # S3's limit


class Traces:
    def __init__(self, deployment: Deployment, turn: Turn) -> None:
        self._deployment = deployment
        self._turn = turn

    def remove(self, *, search: bool) -> None:
        """Uploads go first: work on them then stops by itself.

        search: look through the photos that came by HTTP for one whose key nobody noted.
        """
        forgetter = self._deployment.forgetter
        if search:
            self._turn.objects.update(key for name in MARKED for key in forgetter.kept_photos_of(name))
        prefixes = [f"{ROOT}/", *sorted(self._turn.objects)]
        jobs = [job for prefix in prefixes for job in self._remove_uploads(prefix)]
        for name in MARKED:
            forgetter.forget_person(name)
        for prefix in prefixes:
            self._remove_objects("stage-1", prefix)
            self._remove_objects("output", prefix)
        for job in jobs:
            self._deployment.table("jobs").delete_item(Key={"job": job})
        self._remove_api_keys()

    def _remove_uploads(self, prefix: str) -> list[str]:
        """The jobs of these uploads."""
        return [job_id(str(entry["Key"]), str(entry["VersionId"])) for entry in self._remove_objects("input", prefix)]

    def _remove_objects(self, role: BucketRole, prefix: str) -> list[dict[str, Any]]:
        s3, bucket = self._deployment.s3, self._deployment.bucket(role)
        found = list(self._versions(bucket, prefix))
        objects: list[ObjectIdentifierTypeDef] = [
            {"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in found
        ]
        for start in range(0, len(objects), DELETED_AT_ONCE):
            some = objects[start : start + DELETED_AT_ONCE]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
        return found

    def _versions(self, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
        pages: Any = self._deployment.s3.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            yield from (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))

    def _remove_api_keys(self) -> None:
        """Removes keys, with the counts of their requests, which are items of their own."""
        table = self._deployment.table("api-keys")
        pages: Any = table.meta.client.get_paginator("scan").paginate(TableName=table.name, ConsistentRead=True)
        items = [item for page in pages for item in page["Items"]]
        ours = {str(item["key"]) for item in items if item.get("name") == KEY_NAME}
        for item in items:
            if str(item["key"]).partition("#")[0] in ours:
                table.delete_item(Key={"key": item["key"]})
