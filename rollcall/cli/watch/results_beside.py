"""Writes the results of a watched folder's files beside them: `holiday.mp4.json`, `.csv` and `.vtt`."""

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from pydantic import ValidationError

from rollcall.cli.aws_errors import AWS_ERRORS
from rollcall.cli.output_file import write_output_file
from rollcall.cli.outputs import RESULT
from rollcall.cli.watch.said_once import SaidOnce
from rollcall.contracts.object_keys import result_key
from rollcall.media.folders import LeftOut, reason_of
from rollcall.results.output_files import RESULT as RESULT_FILE
from rollcall.results.output_files import beside_json
from rollcall.results.result import Failure

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOOK_SECONDS = 1.0
IDLE_SHARE = 20
MOST_BYTES = 64 * 1024**2  # of a result
_ENDING = RESULT_FILE.key("")


class ResultsBeside:
    """A thread of its own. `path_of` tells the file of an upload's key; None for uploads from elsewhere.

    What is there and no result of this file is left as it is. A result that is made anew is written anew.
    """

    def __init__(
        self, s3: "S3Client", bucket: str, path_of: Callable[[str], Path | None], *, say: Callable[[str], None]
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._path_of = path_of
        self._say = say
        self._lines = SaidOnce(say)
        self._written: dict[Path, str] = {}  # entity tags
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="results", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        wait = LOOK_SECONDS
        while not self._stopping.wait(wait):
            started = time.monotonic()
            try:
                self._look()
            except AWS_ERRORS:
                pass  # whoever restarts it says so
            except Exception as error:  # noqa: BLE001 - the thread's end: no result would be written any more
                if not self._stopping.is_set():
                    self._say(f"results beside files wait, and are tried again ({error!r})")
            wait = max(LOOK_SECONDS, (IDLE_SHARE - 1) * (time.monotonic() - started))

    def _look(self) -> None:
        for key, tag in self._results():
            path = self._path_of(key)
            if path is not None and self._written.get(path) != tag and not self._stopping.is_set():
                self._write(key, path, tag)

    def _results(self) -> Iterator[tuple[str, str]]:
        """Keys of uploads that have a result, with its entity tag."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        for page in pages:
            for item in page.get("Contents", ()):
                if item["Key"].endswith(_ENDING):
                    yield item["Key"].removesuffix(_ENDING), item["ETag"]

    def _write(self, key: str, path: Path, tag: str) -> None:
        try:
            reason = self._in_the_way(key, path)
            if reason is None and not self._is_written(path, tag):
                self._copy(key, path)
        except self._s3.exceptions.NoSuchKey:  # deleted, or made anew: the next look finds out
            return
        except ValidationError:
            reason = "what is stored as its result is none of Rollcall's"
        except OSError as error:
            reason = f"its results cannot be written beside it ({reason_of(error)})"
        if reason is not None:
            self._lines.tell(LeftOut(path=path, reason=reason, failed=True))
        else:
            self._lines.well(path)
            self._written[path] = tag

    def _in_the_way(self, key: str, path: Path) -> str | None:
        answer = _beside(path, RESULT_FILE.key(""))
        if _is_result_of(answer, key):
            return None
        taken = [answer, *(_beside(path, file.key("")) for file in beside_json())]
        found = next((other for other in taken if other.exists() or other.is_symlink()), None)
        return None if found is None else f"its results are not written beside it: {found.name} is there and is none"

    def _is_written(self, path: Path, tag: str) -> bool:
        """Whether a run before this one has written it."""
        answer = _beside(path, RESULT_FILE.key(""))
        same = answer.is_file() and hashlib.md5(answer.read_bytes(), usedforsecurity=False).hexdigest() == tag.strip(
            '"'
        )
        return same and all(_beside(path, file.key("")).exists() for file in beside_json())

    def _copy(self, key: str, path: Path) -> None:
        """The JSON first: it tells whose the others are."""
        content = self._read(result_key(key))
        write_output_file(_beside(path, RESULT_FILE.key("")), content)
        failed = isinstance(RESULT.validate_json(content), Failure)
        for file in beside_json():
            if failed:
                _beside(path, file.key("")).unlink(missing_ok=True)
            else:
                write_output_file(_beside(path, file.key("")), self._read(file.key(key)))

    def _read(self, key: str) -> bytes:
        return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}{ending}")


def _is_result_of(answer: Path, key: str) -> bool:
    """Whether this is what was written beside the file before."""
    if answer.is_symlink() or not answer.is_file() or answer.stat().st_size > MOST_BYTES:
        return False
    try:
        return RESULT.validate_json(answer.read_bytes()).video == key
    except ValidationError:
        return False
