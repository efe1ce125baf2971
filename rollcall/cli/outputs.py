"""Fetches a job's outputs from the output bucket into a folder."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

from botocore.exceptions import ClientError
from pydantic import Field, TypeAdapter, ValidationError

from rollcall.cli.output_file import write_output_file
from rollcall.contracts.jobs import JobError
from rollcall.contracts.object_keys import crops_prefix, is_crop, names_key, result_key
from rollcall.contracts.s3_absence import is_gone
from rollcall.contracts.shown_text import printable
from rollcall.contracts.usage_error import UsageError
from rollcall.media.folders import LeftOut, reason_of
from rollcall.media.media_files import MediaFile, output_path
from rollcall.results.output_files import beside_json, local_keys
from rollcall.results.result import Failure, Result
from rollcall.results.stored_crops import stored_crops

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RESULT: TypeAdapter[Result | Failure] = TypeAdapter(Annotated[Result | Failure, Field(discriminator="status")])
TEXTS_AT_ONCE = 4
LOGS = "logs"  # a folder beside the results


def check_output_folder(
    out: Path, media: Sequence[MediaFile], *, taken: Sequence[str] = ()
) -> tuple[list[MediaFile], list[LeftOut]]:
    """Which files can have their results under `out`, and why the others cannot, before any work is done for them.

    `taken` names files that the command itself writes there. Raises UsageError if no file is left.
    """
    _require_folder(out, out)
    places = Places(taken)
    reasons = {file: _in_the_way(out, file.key) or places.claim(file.key) for file in media}
    refused = [LeftOut(path=file.path, reason=reason, failed=True) for file, reason in reasons.items() if reason]
    if len(refused) == len(media):
        raise UsageError(f"--out {out}: {refused[0].path}: {refused[0].reason}")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be created ({error.strerror}); choose another --out") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError(f"--out {out}: not writable by you; choose another --out")
    return [file for file in media if not reasons[file]], refused


def check_log_folder(out: Path) -> None:
    """Checks the output folder of a command that keeps logs there. Raises UsageError, also for pipes, which block."""
    logs = out / LOGS
    _require_folder(logs, out)
    odd = next((path for path in logs.glob("*") if not path.is_file() and not path.is_dir()), None)
    if odd is not None:
        raise UsageError(f"--out {out}: {odd} is no file, and logs are written there; choose another --out")


def _require_folder(folder: Path, out: Path) -> None:
    try:
        folder.lstat()
        if not folder.is_dir():
            raise UsageError(f"--out {out}: {folder} exists and is not a folder; choose another --out")
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise UsageError(f"--out {out}: {reason_of(error)}") from None


def _in_the_way(out: Path, key: str) -> str | None:
    try:
        folder = output_path(out, key)
        files = [output_path(out, name) for name in local_keys(key)]
    except UsageError as error:
        return f"its results cannot be written: {error}"
    while folder != out:
        if folder.is_file():
            return f"{folder} is a file where its results need a folder; choose another --out"
        folder = folder.parent
    taken = next((path for path in files if path.is_dir()), None)
    return None if taken is None else f"{taken} is a folder where its results need a file; choose another --out"


class Places:
    """Places of results under one folder, where a file and a folder cannot have one name.

    The first upload to claim a name has it.
    """

    def __init__(self, files: Sequence[str] = ()) -> None:
        self._files = dict.fromkeys(files, "the command itself")
        self._folders: dict[str, str] = {}

    def claim(self, key: str) -> str | None:
        """Why the results of this key have no place; None if they have one."""
        files = local_keys(key)
        folders = [key, *(str(parent) for parent in PurePosixPath(key).parents)]
        for names, others, kind in ((folders, self._files, "file"), (files, self._folders, "folder")):
            for name in names:
                if name in others:
                    return f"its results and those of {others[name]} need {name} as a {kind}; choose another --out"
        self._files.update(dict.fromkeys(files, key))
        self._folders.update(dict.fromkeys(folders, key))
        return None


def download_outputs(s3: "S3Client", bucket: str, key: str, out: Path) -> Result | Failure:
    """Raises OSError or UsageError for what cannot be written."""
    remove_outputs(out, key)  # an earlier run's crops beside this one's would mislead
    answer = _read(s3, bucket, result_key(key))
    result = RESULT.validate_json(answer)
    if isinstance(result, Result):
        crops = stored_crops(s3, bucket, key) if result.people or result.unknown else ()
        for name in (*(file.key(key) for file in beside_json()), *crops):
            write_output(out, name, _read(s3, bucket, name))
    write_output(out, result_key(key), answer)  # last, as in the bucket
    return result


def download_name_texts(s3: "S3Client", bucket: str, keys: Iterable[str], out: Path) -> list[str]:
    """Fetches the texts of names once all uploads are answered; returns a line for each that fails.

    They do not come with the other outputs of an upload, because uploads may share one.
    """
    with ThreadPoolExecutor(TEXTS_AT_ONCE) as pool:
        lines = pool.map(lambda text: _download_text(s3, bucket, text, out), sorted({*map(names_key, keys)}))
        return [line for line in lines if line is not None]


def _download_text(s3: "S3Client", bucket: str, text: str, out: Path) -> str | None:
    try:
        write_output(out, text, _read(s3, bucket, text))
    except s3.exceptions.NoSuchKey:
        return None
    except OSError as error:
        return f"failed {printable(text)}: {reason_of(error)}"
    except UsageError as error:
        return f"failed {printable(text)}: {error}"
    return None


def remove_outputs(out: Path, key: str) -> None:
    """Removes crops of an earlier run. If there was none, a photo that looks like a crop is the user's own."""
    files = [output_path(out, name) for name in local_keys(key)]
    if not any(path.exists() for path in files):
        return
    for path in files:
        path.unlink(missing_ok=True)
    prefix = crops_prefix(key)
    for crop in output_path(out, prefix.rstrip("/")).glob("*.jpg"):
        if crop.is_file() and is_crop(key, f"{prefix}{crop.name}"):
            crop.unlink()


def write_output(out: Path, key: str, content: bytes) -> None:
    """Writes the file whole or not at all: a full disk leaves no half file."""
    path = output_path(out, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_output_file(path, content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error  # a full disk does not say for which file


def fetched(key: str, fetch: Callable[[], Result | Failure]) -> Result | Failure:
    """The result of `fetch`; if that fails, a failure of this one file that says why."""
    try:
        return fetch()
    except OSError as error:
        return not_answered(key, f"The results cannot be written ({error.filename}: {reason_of(error)}).")
    except UsageError as error:
        return not_answered(key, f"The results cannot be written ({error}).")
    except ValidationError:
        return not_answered(key, "The result is not one of Rollcall's: somebody else has written it.")
    except ClientError as error:
        if not is_gone(error):
            raise
        return not_answered(key, "The results were deleted before they could be fetched.")


def not_answered(key: str, reason: str) -> Failure:
    """A failure that this machine found and not the pipeline."""
    return Failure(video=key, error=JobError(code="not-answered", message=reason))


def _read(s3: "S3Client", bucket: str, key: str) -> bytes:
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
