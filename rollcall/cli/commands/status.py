"""`rollcall status`: how far an upload is, or what a deployment is doing."""

import argparse
import heapq
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rollcall.cli.deployment import Deployment, describe, open_deployment
from rollcall.cli.show.listing import print_listing
from rollcall.cli.submissions import SPLITTING, stage_of
from rollcall.contracts.jobs import Job
from rollcall.contracts.shown_text import printable
from rollcall.contracts.uploads import latest
from rollcall.contracts.usage_error import UsageError
from rollcall.pipeline.roles import QUEUE_ROLES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

NEWEST = 20


def execute(options: argparse.Namespace) -> int:
    with open_deployment(options) as deployment:
        if options.key is not None:
            _show_upload(deployment, options.key)
        else:
            _show_queues(deployment)
            _show_newest(deployment)
    return 0


def current_job(deployment: Deployment, key: str) -> tuple[str, Job | None]:
    """Id of the newest upload of the key, and its state once the split has begun."""
    newest = latest(deployment.s3, deployment.bucket("input"), key)
    if newest is None:
        deployment.require("input")
        raise UsageError(f"{key}: no such upload in {deployment.bucket('input')}; `rollcall status` lists the newest")
    return newest.upload.job, deployment.jobs.get(newest.upload.job)


def _show_upload(deployment: Deployment, key: str) -> None:
    identity, job = current_job(deployment, key)
    print(f"job     {identity}")
    if job is None:
        print(f"stage   {SPLITTING}: not begun")
        return
    print(f"stage   {stage_of(job)}\nbegun   {_when(job)}")
    if job.media is not None:
        print(f"media   {job.media.duration:.1f} s, {job.media.frames} frames, {job.media.width}x{job.media.height}")
    if job.error is not None and job.status != "done":  # a redriven job has overcome its error
        print(f"error   {job.error.code}: {printable(job.error.message)}")


def _show_queues(deployment: Deployment) -> None:
    rows = []
    for queue in QUEUE_ROLES:
        waiting, working = deployment.queue_counts(queue)
        dead, _ = deployment.queue_counts(f"{queue}-dead-letters")
        rows.append((queue, str(waiting), str(working), str(dead)))
    print_listing(("queue", "waiting", "in work", "dead letters"), rows)


def _show_newest(deployment: Deployment) -> None:
    newest = heapq.nlargest(NEWEST, _begun(deployment.table("jobs")))
    jobs = [job for job in (deployment.jobs.get(identity) for _, identity in newest) if job is not None]
    if not jobs:
        print(f"no uploads yet in the {describe(deployment.prefix)}")
        return
    rows = [(job.upload.key, str(stage_of(job)), _when(job), job.job) for job in jobs]
    print_listing(("upload", "stage", "begun", "job"), rows)


def _begun(table: "Table") -> Iterator[tuple[float, str]]:
    pages: Any = table.meta.client.get_paginator("scan").paginate(
        TableName=table.name, ProjectionExpression="job, created"
    )
    for page in pages:
        yield from ((float(item["created"]), str(item["job"])) for item in page["Items"])


def _when(job: Job) -> str:
    return datetime.fromtimestamp(job.created, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
