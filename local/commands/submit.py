"""`rollcall submit`: upload files to a deployment, and wait for the answers if asked to."""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from functions.common.events import Upload
from functions.common.keys import result_key
from functions.common.results import Failure, Result
from functions.common.uploads import Latest, latest
from local.deployment import Deployment, open_deployment
from local.errors import UsageError
from local.media_files import MediaFile, check_output_folder, find_media
from local.outputs import RESULT, download_outputs
from local.progress import show_progress
from local.result_table import print_result
from local.submissions import SPLITTING, UPLOADING, push, send
from local.text import printable

LOOK_SECONDS = 10.0
LOOKED_AT = 20  # of the files that are waited for, at each look


def execute(options: argparse.Namespace) -> int:
    media = find_media(options.media, leave_out=options.out or Path(os.devnull))
    if options.out is not None:
        check_output_folder(options.out, media)
    with open_deployment(options) as deployment:
        deployment.require("input")
        if not options.wait and options.out is None:
            _upload(media, deployment)
            return 0
        results = _push(media, deployment, options.out)
    for file in media:
        print_result(file.key, results[file.key])
    return 1 if any(isinstance(result, Failure) for result in results.values()) else 0


def _upload(media: Sequence[MediaFile], deployment: Deployment) -> None:
    with show_progress() as progress:
        for file in media:
            progress.update(file.key, UPLOADING)
            upload = send(deployment.s3, deployment.bucket("input"), file)
            progress.update(file.key, SPLITTING)
            print(f"{upload.job}  {printable(file.key)}", flush=True)


def _push(media: Sequence[MediaFile], deployment: Deployment, out: Path | None) -> dict[str, Result | Failure]:
    results: dict[str, Result | Failure] = {}
    with show_progress() as progress:
        finished = push(
            media,
            s3=deployment.s3,
            bucket=deployment.bucket("input"),
            jobs=deployment.jobs,
            progress=progress,
            check=StillMeant(lambda upload: latest(deployment.s3, upload.bucket, upload.key)).check,
        )
        for file, _ in finished:
            results[file.key] = fetch(deployment, file.key, out)
    return results


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

    def check(self, awaited: Sequence[Upload]) -> None:
        if self._clock() - self._looked < LOOK_SECONDS:
            return
        for upload in awaited[:LOOKED_AT]:
            now = self._newest(upload)
            if now is None or now.upload != upload:
                what = "deleted" if now is None else "uploaded again"
                raise UsageError(
                    f"{upload.key} was {what} by somebody else while this waited for it; the other files go on:"
                    " see `rollcall status`"
                )
        self._looked = self._clock()
