"""What a copy of a folder lacks, and how its other objects are shown again."""

import logging
from pathlib import Path

from rollcall.local.store.data_folder import copied_folder
from rollcall.local.store.s3 import versions
from rollcall.local.store.s3.bucket_settings import buckets
from rollcall.local.store.s3.files.change import Storage

logger = logging.getLogger(__name__)
_SHOW_ALL = (
    "INSERT INTO s3_journal (bucket, key) SELECT s3_buckets.name, s3_objects.key FROM s3_objects JOIN s3_buckets ON"
    " s3_buckets.id = s3_objects.bucket WHERE latest AND NOT marker"
)


def settle_objects(storage: Storage, data: Path) -> None:
    """Once, for a folder that is new here. Objects without their files are left out; the log tells how many."""
    missing = copied_folder.missing_blobs(storage.database.read(), copied_folder.sizes_of(data))
    with storage.database.transaction() as connection:
        by_id = {bucket.id: bucket for bucket in buckets.every(connection)}
        count = 0
        for blob in missing:
            connection.execute("DELETE FROM s3_parts WHERE blob = ?", (blob,))
            rows = connection.execute(f"SELECT bucket, {versions.COLUMNS} FROM s3_objects WHERE blob = ?", (blob,))
            for number, *row in rows.fetchall():
                version = versions.Version.of(tuple(row))
                bucket = by_id[number]
                versions.remove(connection, bucket, version)
                storage.journal.note(connection, bucket.name, version.key, dropped=blob)
                count += 1
        connection.execute(_SHOW_ALL)
    if count:
        logger.warning(
            "This folder was copied while a server changed it: %d objects are left out, because their files had been"
            " deleted before they were copied",
            count,
        )
