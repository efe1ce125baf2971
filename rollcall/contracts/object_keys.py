"""Object keys and job ids: every name that two stages have to agree on, and which upload owns it.

An upload owns the objects whose keys are made from its own key. No two uploads make the same one, because outputs
differ in their endings, and a crop's file name has no slash. So a key alone tells whose object it is. A prefix does
not: `party/faces/` also begins the names of the upload `party/faces/group.jpg`.
"""

import hashlib
import re

PACK_SUFFIX = ".zip"
NAMES_SUFFIX = ".txt"
KEPT_UNDER = "api/photos"  # photos that came by HTTP, in the input bucket
MAX_KEY_BYTES = 1024  # S3's limit
MAX_INPUT_KEY_BYTES = 512  # of what is worked on, half of S3's limit: the rest is for what Rollcall appends

_RESULT_SUFFIX = ".json"
_LONGEST_STEM = MAX_KEY_BYTES - len(_RESULT_SUFFIX)
_CUT_STEM_BYTES = 900
_CUT = re.compile(r".*~[0-9a-f]{64}", re.DOTALL)
_LONGEST_CHARACTER = 4  # bytes
_MAX_NAME_BYTES = 200  # of a person in a crop's file name: file systems take 255 in all
_UNSAFE_IN_FILE_NAME = re.compile(r"[/\\\x00-\x1f\x7f]")
_CROP_FILE = re.compile(r"[^/]+-[0-9]+\.jpg")


def job_id(key: str, version: str) -> str:
    """The same upload always has the same job id, however often its event arrives."""
    return hashlib.sha256(f"{key}\n{version}".encode()).hexdigest()[:32]


def pack_key(key: str, index: int) -> str:
    return f"{key}/gop-{index:05d}{PACK_SUFFIX}"


def packed_key(pack: str) -> str:
    """The input key of a pack's key."""
    return pack.rpartition("/")[0]


def gop_faces_key(key: str, job: str, index: int) -> str:
    """The key holds the job, so that two uploads of one key never overwrite each other's faces."""
    return f"{key}/{job}/gop-{index:05d}.faces.json"


def result_key(key: str) -> str:
    return output_key(key, _RESULT_SUFFIX)


def output_key(key: str, ending: str) -> str:
    """The key of an output of which each upload has one; `rollcall/results/output_files.py` lists them."""
    return f"{_cut(key, _CUT_STEM_BYTES, longest=_LONGEST_STEM - max(0, len(ending) - len(_RESULT_SUFFIX)))}{ending}"


def names_key(key: str) -> str:
    """One key for uploads that differ in their endings alone: `rollcall/results/name_texts.py` has the rule."""
    folder, slash, name = key.rpartition("/")
    stem = name.rpartition(".")[0] or name
    return f"{_stem(f'{folder}{slash}{stem}')}{NAMES_SUFFIX}"


def crops_prefix(key: str) -> str:
    """The beginning of every crop's key. Keys of other uploads may begin so too: `is_crop` tells them apart."""
    return f"{_stem(key)}/faces/"


def crop_key(key: str, person: str, number: int) -> str:
    name = _UNSAFE_IN_FILE_NAME.sub("_", person)
    return f"{crops_prefix(key)}{_cut(name, _MAX_NAME_BYTES, longest=_MAX_NAME_BYTES)}-{number}.jpg"


def is_crop(key: str, output: str) -> bool:
    """Whether an object of the output bucket is a crop of this upload's."""
    prefix = crops_prefix(key)
    return output.startswith(prefix) and _CROP_FILE.fullmatch(output, len(prefix)) is not None


def _stem(key: str) -> str:
    """The beginning of the names of an upload's outputs: its key, if S3 takes that with an ending."""
    return _cut(key, _CUT_STEM_BYTES, longest=_LONGEST_STEM)


def _cut(text: str, most: int, *, longest: int) -> str:
    """`text`; if it is longer than `longest` bytes, its beginning and a digest, in at most `most` bytes.

    A text that looks as if it were cut is cut again, so that no two texts come out the same.
    """
    size = len(text.encode())
    looks_cut = most - _LONGEST_CHARACTER < size <= most and _CUT.fullmatch(text) is not None
    if size <= longest and not looks_cut:
        return text
    mark = f"~{hashlib.sha256(text.encode()).hexdigest()}"
    return text.encode()[: most - len(mark)].decode(errors="ignore") + mark
