"""Object keys and job ids: every name that two stages have to agree on."""

import hashlib
import re

PACK_SUFFIX = ".zip"
NAMES_SUFFIX = ".txt"
KEPT_UNDER = "api/photos"  # photos that came by HTTP, in the input bucket
MAX_INPUT_KEY_BYTES = 512  # half of S3's limit: the rest is for what Rollcall appends

_UNSAFE_IN_FILE_NAME = re.compile(r"[/\\\x00-\x1f\x7f]")


def job_id(key: str, version: str) -> str:
    """The same upload always has the same job id, however often its event arrives."""
    return hashlib.sha256(f"{key}\n{version}".encode()).hexdigest()[:32]


def pack_key(key: str, index: int) -> str:
    return f"{key}/gop-{index:05d}{PACK_SUFFIX}"


def packed_key(pack: str) -> str:
    """The input key of a pack's key."""
    return pack.rpartition("/")[0]


def gop_faces_key(key: str, job: str, index: int) -> str:
    """Named by job, so that two uploads of one key never overwrite each other's faces."""
    return f"{key}/{job}/gop-{index:05d}.faces.json"


def result_key(key: str) -> str:
    return f"{key}.json"


def csv_key(key: str) -> str:
    return f"{key}.csv"


def vtt_key(key: str) -> str:
    return f"{key}.vtt"


def names_key(key: str) -> str:
    """Shared by uploads that differ in their endings alone: `functions/common/name_texts.py` has the rule."""
    folder, slash, name = key.rpartition("/")
    return f"{folder}{slash}{name.rpartition('.')[0] or name}{NAMES_SUFFIX}"


def crops_prefix(key: str) -> str:
    return f"{key}/faces/"


def crop_key(key: str, person: str, number: int) -> str:
    return f"{crops_prefix(key)}{_UNSAFE_IN_FILE_NAME.sub('_', person)}-{number}.jpg"
