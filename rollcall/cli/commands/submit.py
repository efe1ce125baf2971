"""`rollcall submit`: upload files to a deployment, and wait for the answers if asked to."""

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rollcall.cli.answers import Answers
from rollcall.cli.deployment import Deployment, open_deployment
from rollcall.cli.outputs import RESULT, check_output_folder, download_name_texts, download_outputs, fetched
from rollcall.cli.preparation import note, note_left_out
from rollcall.cli.show.progress import show_progress
from rollcall.cli.show.result_table import print_results
from rollcall.cli.submissions import SPLITTING, UPLOADING, Push, Stage, Steps, Unreadable, send
from rollcall.contracts.events import Upload
from rollcall.contracts.object_keys import result_key
from rollcall.contracts.shown_text import printable
from rollcall.contracts.uploads import Latest, latest
from rollcall.media.folders import LeftOut
from rollcall.media.media_files import MediaFile, find_media
from rollcall.results.result import Failure, Result

LOOK_SECONDS = 10.0
LOOKED_AT = 20  # of the files that are waited for, at each look


def execute(options: argparse.Namespace) -> int:
    found = find_media(options.media, leave_out=options.out or Path(os.devnull))
    media, left_out = found.files, found.left_out
    if options.out is not None:
        media, refused = check_output_folder(options.out, media)
        left_out = [*left_out, *refused]
    note_left_out(left_out)
    with open_deployment(options) as deployment:
        deployment.require("input")
        if not options.wait and options.out is None:
            failed = _upload(media, deployment)
        else:
            answers = _push(media, deployment, options.out)
            print_results(answers.of(media), left_out, files=len(media))
            failed = answers.failed
    return 1 if failed or any(entry.failed for entry in left_out) else 0


def _upload(media: Sequence[MediaFile], deployment: Deployment) -> int:
    """Returns how many failed."""
    failed = 0
    with show_progress(len(media)) as progress:
        for file in media:
            progress.update(file.key, UPLOADING)
            try:
                upload = send(deployment.s3, deployment.bucket("input"), file)
            except Unreadable as error:
                failed += 1
                progress.update(file.key, Stage("failed"))
                print(LeftOut(path=file.path, reason=str(error), failed=True), flush=True)
            else:
                progress.update(file.key, SPLITTING)
                print(f"{upload.job}  {printable(file.key)}", flush=True)
    return failed


def _push(media: Sequence[MediaFile], deployment: Deployment, out: Path | None) -> Answers:
    answers = Answers()
    still_meant = StillMeant(lambda upload: latest(deployment.s3, upload.bucket, upload.key))
    steps = Steps(
        upload=lambda file: send(deployment.s3, deployment.bucket("input"), file),
        look=deployment.jobs.get_many,
        fetch=lambda file, _: fetched(file.key, lambda: fetch(deployment, file.key, out)),
        lost=lambda awaited, _: still_meant.lost(awaited),
    )
    with show_progress(len(media)) as progress:
        for file, answer in Push(media, steps, progress, ahead=None).answers():
            answers.add(file.key, answer)
    if out is not None:
        for line in download_name_texts(deployment.s3, deployment.bucket("output"), [file.key for file in media], out):
            note(line)
            answers.failed += 1
    return answers


def fetch(deployment: Deployment, key: str, out: Path | None) -> Result | Failure:
    bucket = deployment.bucket("output")
    if out is not None:
        return download_outputs(deployment.s3, bucket, key, out)
    return RESULT.validate_json(deployment.s3.get_object(Bucket=bucket, Key=result_key(key))["Body"].read())


class StillMeant:
    """An upload that somebody else replaced or deleted gets no answer of its own."""

    def __init__(
        self, newest: Callable[[Upload], Latest | None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._newest = newest
        self._clock = clock
        self._looked = clock()

    def lost(self, awaited: Sequence[Upload]) -> Mapping[str, str]:
        """Why uploads get no answer, by job. It looks at some of them every few seconds, the oldest first."""
        if self._clock() - self._looked < LOOK_SECONDS:
            return {}
        self._looked = self._clock()
        newest = {upload: self._newest(upload) for upload in awaited[:LOOKED_AT]}
        return {
            upload.job: f"It was {'deleted' if now is None else 'uploaded again'} by somebody else meanwhile."
            for upload, now in newest.items()
            if now is None or now.upload != upload
        }
