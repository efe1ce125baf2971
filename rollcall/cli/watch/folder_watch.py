"""The watch over a folder: looks at it again and again, and uploads what is new and has settled."""

import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from rollcall.cli.aws_errors import AWS_ERRORS
from rollcall.cli.watch.said_once import SaidOnce
from rollcall.cli.watch.watched_files import Seen, Settling, WatchedFile, watched_files
from rollcall.cli.watch.watched_uploads import upload_once
from rollcall.contracts.shown_text import printable
from rollcall.contracts.usage_error import UsageError
from rollcall.media.folders import LeftOut, reason_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOOK_SECONDS = 1.0
IDLE_SHARE = 10  # looking takes at most one part in so many of the time
LONGEST_WAIT = 30.0  # seconds, however slow the folder is
AHEAD = 64  # uploads that wait for a worker: the rest stays in the folder
COUNTED = 16  # uploads between two looks at how many wait
AT_ONCE = 5_000  # files that one look remembers as new; the next look finds the rest
TELL_SECONDS = 10.0
RETRY_SECONDS = 5.0  # after the local AWS could not be reached, or its disk was full


def require_watchable(folder: Path, data: Path | None) -> None:
    """Raises UsageError for what is no folder, and where results would be uploaded as if they were new."""
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        raise UsageError(f"--watch {folder}: {reason_of(error)}; name a folder that can be read") from None
    if data is not None and folder.resolve().is_relative_to(data.resolve()):
        raise UsageError(f"--watch {folder}: is inside of --data {data}, where results are kept; choose another folder")


class FolderWatch:
    """A thread of its own. `stop` ends it after the upload in hand.

    `waiting` tells how many uploads no worker has begun to read. The folder `leave_out` is not entered.
    """

    def __init__(
        self,
        folder: Path,
        *,
        s3: "S3Client",
        bucket: str,
        waiting: Callable[[], int],
        leave_out: Path | None,
        say: Callable[[str], None],
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._waiting = waiting
        self._folder = folder
        self._leave_out = leave_out
        self._say = say
        self._lines = SaidOnce(say)
        self._settling = Settling()
        self._done: dict[str, tuple[Seen, Path]] = {}  # by key, as each was when it was uploaded
        self._stopping = Event()
        self._sent = 0
        self._told_at = 0.0
        self._unreached = False
        self._thread = Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def path_of(self, key: str) -> Path | None:
        """The file that was uploaded under this key, if it is still there."""
        done = self._done.get(key)
        return None if done is None else done[1]

    def _run(self) -> None:
        wait = 0.0
        while not self._stopping.wait(wait):
            started = time.monotonic()
            try:
                new, more = self._look()
                looked = time.monotonic() - started
                self._upload(new, more)
                wait = LOOK_SECONDS if not more else 0.0
                wait = max(wait, min(LONGEST_WAIT, (IDLE_SHARE - 1) * looked))
                self._unreached = False
            except AWS_ERRORS as error:
                self._wait_for_aws(error)
                wait = RETRY_SECONDS
            except Exception as error:  # noqa: BLE001 - the thread's end: nothing would be uploaded any more
                if not self._stopping.is_set():
                    self._say(f"{printable(str(self._folder))}: new files wait, and are tried again ({error!r})")
                wait = RETRY_SECONDS

    def _look(self) -> tuple[list[WatchedFile], int]:
        """Files that are to be uploaded, and how many more there are."""
        new: list[WatchedFile] = []
        more, keys = 0, dict[str, Path]()
        for entry in watched_files(self._folder, leave_out=self._leave_out):
            if isinstance(entry, LeftOut):
                self._lines.tell(entry)
            elif (other := keys.setdefault(entry.key, entry.path)) != entry.path:
                reason = f"its name has signs that no key can have, and then it is the same as {other}; rename it"
                self._lines.tell(LeftOut(path=entry.path, reason=reason, failed=True))
            elif not self._is_done(entry) and self._has_settled(entry):
                more += len(new) >= AT_ONCE
                if len(new) < AT_ONCE:
                    new.append(entry)
        self._settling.forget(lambda key: key not in keys)
        for key in [key for key in self._done if key not in keys]:
            del self._done[key]
        return new, more

    def _is_done(self, file: WatchedFile) -> bool:
        done = self._done.get(file.key)
        return done is not None and done[0] == file.seen

    def _has_settled(self, file: WatchedFile) -> bool:
        try:
            return self._settling.settled(file)
        except OSError as error:
            self._tell_failed(file, error)
            return False

    def _upload(self, new: list[WatchedFile], more: int) -> None:
        before, self._told_at = self._sent, time.monotonic()
        for number, file in enumerate(new):
            if number % COUNTED == 0:
                self._wait_for_workers()
            if self._stopping.is_set():
                return
            self._upload_one(file)
            self._tell_progress(len(new) - number - 1 + more)
        if self._sent > before and not more:
            files = "1 file" if self._sent == 1 else f"{self._sent:,} files"
            self._say(f"{printable(str(self._folder))}: {files} uploaded, none left")
            self._sent = 0

    def _upload_one(self, file: WatchedFile) -> None:
        try:
            outcome = upload_once(self._s3, self._bucket, file, again=file.key in self._done)
        except FileNotFoundError:
            return
        except OSError as error:
            self._tell_failed(file, error)
            return
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise  # it is not for this file
            self._lines.tell(LeftOut(path=file.path, reason=_refused(error), failed=True))
            return
        self._lines.well(file.path)
        self._sent += outcome == "uploaded"
        if outcome != "changed":
            self._done[file.key] = file.seen, file.path

    def _wait_for_workers(self) -> None:
        while not self._stopping.is_set() and self._waiting() >= AHEAD:
            self._stopping.wait(LOOK_SECONDS)

    def _tell_progress(self, left: int) -> None:
        if left and time.monotonic() - self._told_at > TELL_SECONDS:
            self._told_at = time.monotonic()
            self._say(f"{printable(str(self._folder))}: {self._sent:,} files uploaded, {left:,} wait")

    def _tell_failed(self, file: WatchedFile, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            self._lines.tell(LeftOut(path=file.path, reason=reason_of(error), failed=True))

    def _wait_for_aws(self, error: Exception) -> None:
        if not self._unreached and not self._stopping.is_set():
            self._unreached = True
            self._say(f"{printable(str(self._folder))}: new files wait until the local AWS takes them ({error})")


def _refused(error: ClientError) -> str:
    told = error.response["Error"]
    return f"the store refused it, and it is tried again ({told.get('Code')}: {told.get('Message')})"
