"""`rollcall results`: fetch the results of an upload."""

import argparse

from botocore.exceptions import ClientError

from rollcall.cli.deployment import Deployment, open_deployment
from rollcall.cli.outputs import check_output_folder, download_name_texts, download_outputs, fetched
from rollcall.cli.preparation import note
from rollcall.cli.show.result_table import print_result
from rollcall.cli.submissions import stage_of
from rollcall.contracts.object_keys import result_key
from rollcall.contracts.s3_absence import is_gone
from rollcall.contracts.shown_text import printable
from rollcall.contracts.uploads import latest
from rollcall.contracts.usage_error import UsageError
from rollcall.media.media_files import MediaFile
from rollcall.results.result import Failure


def execute(options: argparse.Namespace) -> int:
    with open_deployment(options) as deployment:
        deployment.require("output")
        published = _published_job(deployment, options.key)
        if published is None:
            raise UsageError(f"{options.key}: no results{_progress(deployment, options.key)}")
        check_output_folder(options.out, [MediaFile(path=options.out, key=options.key)])
        bucket = deployment.bucket("output")
        result = fetched(options.key, lambda: download_outputs(deployment.s3, bucket, options.key, options.out))
        for line in download_name_texts(deployment.s3, bucket, [options.key], options.out):
            note(line)
        newest = latest(deployment.s3, deployment.bucket("input"), options.key)
        if newest is not None and newest.upload.job != published:
            note(f"these are an earlier upload's results{_progress(deployment, options.key)}")
    print_result(options.key, result)
    print(f"results: {printable(str(options.out))}")
    return 1 if isinstance(result, Failure) else 0


def _published_job(deployment: Deployment, key: str) -> str | None:
    try:
        head = deployment.s3.head_object(Bucket=deployment.bucket("output"), Key=result_key(key))
    except ClientError as error:
        if is_gone(error):
            return None
        raise
    return head["Metadata"].get("job", "")


def _progress(deployment: Deployment, key: str) -> str:
    newest = latest(deployment.s3, deployment.bucket("input"), key)
    if newest is None:
        return f", and no upload of this name in {deployment.bucket('input')}"
    return f" yet, the upload of {printable(key)} is at: {stage_of(deployment.jobs.get(newest.upload.job))}"
