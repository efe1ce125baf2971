"""Files that a crash has left: uploads that never became anything."""

import threading

from rollcall.local.store.s3.files.change import Storage

_REFERRED = (
    "SELECT 1 FROM s3_objects WHERE blob = ? UNION ALL SELECT 1 FROM s3_parts WHERE blob = ?"
    " UNION ALL SELECT 1 FROM s3_uploads WHERE assembly = ?"
)


def remove_orphans(storage: Storage, ending: threading.Event) -> int:
    """Removes orphans that are older than this process. Returns how many."""
    started = storage.blobs.now()
    removed = 0
    for names in storage.blobs.names():
        if ending.is_set():
            break
        for name in names:
            if not _is_referred_to(storage, name) and storage.blobs.is_older(name, started):
                storage.blobs.drop(name)
                removed += 1
    return removed


def _is_referred_to(storage: Storage, name: str) -> bool:
    return storage.database.read().execute(_REFERRED, (name, name, name)).fetchone() is not None
