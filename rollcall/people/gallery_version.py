"""The version of a gallery: whoever has read the faces need not read them again while it is the same.

Every change of the faces writes a new version in its own transaction. It is an item of another table, since whoever
scans the faces expects faces.
"""

import random
import time
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

FACES, VERSIONS = "faces", "versions"  # ends of the tables' names
WRITES_AT_ONCE = 99  # DynamoDB takes 100 in a transaction; one is that of the version
TRIES = 8
_PASSING = {"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


class GalleryVersion:
    """`faces` is the table of faces. Without a table of versions, as in an old deployment, there is no version."""

    def __init__(self, faces: "Table") -> None:
        self._faces = faces
        self._client = faces.meta.client  # a resource's client converts attributes to native types
        self._table = faces.name.removesuffix(FACES) + VERSIONS

    def read(self) -> str | None:
        """None: nobody has noted one, so nothing tells whether the faces have changed."""
        try:
            answer = self._client.get_item(TableName=self._table, Key={"of": self._faces.name}, ConsistentRead=True)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return str(answer["Item"]["version"]) if "Item" in answer else None

    def put(self, items: Sequence[dict[str, Any]]) -> None:
        """All different."""
        self._write([{"Put": {"TableName": self._faces.name, "Item": item}} for item in items])

    def delete(self, keys: Sequence[dict[str, str]]) -> None:
        """All different."""
        self._write([{"Delete": {"TableName": self._faces.name, "Key": key}} for key in keys])

    def _write(self, writes: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(writes), WRITES_AT_ONCE):
            some = writes[start : start + WRITES_AT_ONCE]
            try:
                self._transact(some)
            except self._client.exceptions.ResourceNotFoundException:
                self._write_alone(some)

    def _transact(self, writes: Sequence[dict[str, Any]]) -> None:
        version = {"of": self._faces.name, "version": uuid.uuid4().hex}
        items: Any = [*writes, {"Put": {"TableName": self._table, "Item": version}}]
        for attempt in range(TRIES):
            try:
                self._client.transact_write_items(TransactItems=items)
                return
            except self._client.exceptions.TransactionCanceledException as error:
                if attempt == TRIES - 1 or not _passes(error):
                    raise
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # others enroll at the same time

    def _write_alone(self, writes: Sequence[dict[str, Any]]) -> None:
        with self._faces.batch_writer() as batch:
            for write in writes:
                if "Put" in write:
                    batch.put_item(Item=write["Put"]["Item"])
                else:
                    batch.delete_item(Key=write["Delete"]["Key"])


def _passes(error: ClientError) -> bool:
    reasons: Any = error.response.get("CancellationReasons", [])
    return bool(reasons) and {reason["Code"] for reason in reasons} <= _PASSING
