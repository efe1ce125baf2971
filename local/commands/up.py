"""`rollcall up`: the local cloud until Ctrl-C."""

import argparse
import time
from typing import TYPE_CHECKING

from functions.common.jobs import Job, JobStore
from functions.common.keys import result_key
from functions.common.results import Failure, Result
from functions.video_split.ffmpeg import describe as describe_ffmpeg
from local.api_server import ApiServer
from local.outputs import RESULT
from local.preparation import note, prepare_model_files, read_enrolment
from local.session import DUMMY_KEY, REGION, Session, open_session, settings_from
from local.text import printable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

WATCH_SECONDS = 0.5


def execute(options: argparse.Namespace) -> int:
    model_dir = prepare_model_files(options.embedder)
    enrolment = read_enrolment(options.gallery or [], options.people, model_dir, options.embedder)
    if not enrolment.faces:
        note("no --gallery: everybody will be unknown")
    note(f"starting the local cloud; videos are read by {describe_ffmpeg()}")
    settings = settings_from(options)
    try:
        with (
            open_session(
                settings, enrolment, port=options.port, model_dir=model_dir, log_dir=options.log_dir
            ) as session,
            ApiServer(
                settings, port=options.api_port, endpoint_url=session.cloud.endpoint_url, model_dir=model_dir
            ) as api,
        ):
            announce(session, api.url)
            watch(session)
    except KeyboardInterrupt:
        note("stopped")
    return 0


def announce(session: Session, api_url: str) -> None:
    endpoint = session.cloud.endpoint_url
    buckets = ", ".join(session.bucket(role) for role in ("input", "stage-1", "output"))
    print(
        f"export AWS_ENDPOINT_URL={endpoint} AWS_ACCESS_KEY_ID={DUMMY_KEY} AWS_SECRET_ACCESS_KEY={DUMMY_KEY}"
        f" AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}\n"
        f"ready at {endpoint}: upload to {session.bucket('input')}, results come in {session.bucket('output')}"
        f" (buckets: {buckets}); photos by HTTP at {api_url}; Ctrl-C stops",
        flush=True,
    )


def watch(session: Session) -> None:
    """A line for each upload that got its answer."""
    finished = FinishedJobs(session.table("jobs"), session.jobs)
    while True:
        started = time.monotonic()
        for job in finished.new():
            print(describe_answer(session, job), flush=True)
        # a scan grows with the number of jobs; it must stay a small part of the time
        time.sleep(max(WATCH_SECONDS, 10 * (time.monotonic() - started)))


class FinishedJobs:
    def __init__(self, table: "Table", jobs: JobStore) -> None:
        self._table = table
        self._jobs = jobs
        self._known: set[str] = set()

    def new(self) -> list[Job]:
        """Jobs that have ended since the last call."""
        ids = set(self._ended()) - self._known
        self._known |= ids
        jobs = [job for job in map(self._jobs.get, ids) if job is not None]
        return sorted(jobs, key=lambda job: job.created)

    def _ended(self) -> list[str]:
        pages = self._table.meta.client.get_paginator("scan").paginate(
            TableName=self._table.name,
            ProjectionExpression="job",
            FilterExpression="#status IN (:done, :failed)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":done": "done", ":failed": "failed"},
        )
        return [str(item["job"]) for page in pages for item in page["Items"]]


def describe_answer(session: Session, job: Job) -> str:
    key = job.upload.key
    answer = session.s3.get_object(Bucket=session.bucket("output"), Key=result_key(key))
    result = RESULT.validate_json(answer["Body"].read())
    if isinstance(result, Failure):
        return f"failed {printable(key)}: {printable(result.error.message)}"
    return f"done {printable(key)}: {_who(result)} ({result.timings.total:.1f} s)"


def _who(result: Result) -> str:
    names = [printable(person.name) for person in result.people]
    strangers = [f"{len(result.unknown)} unknown"] if result.unknown else []
    return ", ".join(names + strangers) or "nobody"
