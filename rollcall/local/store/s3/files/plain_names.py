"""Under which path a person finds an object: its key, wherever a file system can have such a path.

`holiday/beach.jpg` is `holiday/beach.jpg`. What cannot be a file's name is written as %XX: an empty segment (`%2F`),
`.` and `..`, and NUL. A `%` that could be mistaken for that is written as `%25`. A segment of more than 255 bytes is
cut and ends with `%~` and the start of its hash. Two keys never have the same path.
"""

import hashlib
import re
from pathlib import PurePosixPath

MOST_NAME_BYTES = 255
BESIDE_A_FOLDER = "%~"  # `a` is shown as `a%~` while there is an `a/b`
_HASHED = 24
_TAKEN = re.compile("%(?=[0-9A-F]{2}|~)")


def plain_path(key: str) -> PurePosixPath:
    return PurePosixPath(*(_name(segment) for segment in key.split("/")))


def _name(segment: str) -> str:
    if segment == "":
        return "%2F"
    if segment in (".", ".."):
        return segment.replace(".", "%2E")
    name = _TAKEN.sub("%25", segment).replace("\0", "%00")
    if len(name.encode()) + len(BESIDE_A_FOLDER) <= MOST_NAME_BYTES:
        return name
    return _cut(name)


def _cut(name: str) -> str:
    ending = BESIDE_A_FOLDER + hashlib.sha256(name.encode()).hexdigest()[:_HASHED]
    kept = name.encode()[: MOST_NAME_BYTES - len(ending) - len(BESIDE_A_FOLDER)]
    return kept.decode(errors="ignore") + ending
