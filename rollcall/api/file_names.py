"""File names that clients give, made fit for an object's key."""

import re
import unicodedata
from pathlib import PurePosixPath

from rollcall.contracts.shown_text import printable, visible

MAX_FILE_NAME_BYTES = 200
MAX_SUFFIX_BYTES = 16  # kept when a long name is cut
# S3 replaces `${filename}` in the key of a form by what the sender of the file calls it; nor may `$${` leave one
_PLACEHOLDER = re.compile(r"\$+\{")


def key_name(given: str) -> str | None:
    """The last part of a path, without what could mislead a reader, a program or S3; None where nothing is left."""
    base = unicodedata.normalize("NFC", given.replace("\\", "/").rstrip("/").rpartition("/")[2])
    shown = "".join(each for each in base if printable(each) == each)
    name = _cut(_PLACEHOLDER.sub("{", shown).strip(" ."))
    return name if visible(name) else None


def _cut(name: str) -> str:
    if len(name.encode()) <= MAX_FILE_NAME_BYTES:
        return name
    suffix = PurePosixPath(name).suffix
    suffix = suffix if len(suffix.encode()) <= MAX_SUFFIX_BYTES else ""
    stem = name.removesuffix(suffix).encode()[: MAX_FILE_NAME_BYTES - len(suffix.encode())]
    return stem.decode(errors="ignore").rstrip(" .") + suffix
