"""The command line of the load generator."""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from workload.by_bucket import BucketRun, clients
from workload.by_http import HttpRun
from workload.media import Medium, NoMedia, from_folder, generated, read_expected, repeated
from workload.outcomes import Outcome, Sample, summarize
from workload.rates import FORMS, BadProfile, starts
from workload.report import Run, print_table, write_report
from workload.worker_log import BadWorkerLog, WorkerCount, read_worker_log, wait_until_gone, within

USAGE_ERROR = 2
PROGRESS_SECONDS = 0.5
LEAVE_SECONDS = 30.0  # that the report waits for workers to leave


def main(arguments: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(arguments)
    try:
        media, times = _media(options), starts(options.profile, options.requests)
        if options.workers_log:
            read_worker_log(options.workers_log)
    except (NoMedia, BadProfile, BadWorkerLog, OSError) as error:
        print(f"workload: {error}", file=sys.stderr)
        return USAGE_ERROR
    progress = Progress(options.requests)
    began = time.time()
    outcomes, samples = _send(options, media, times, progress)
    progress.end()
    summary = summarize(outcomes)
    run = Run(
        summary=summary,
        outcomes=outcomes,
        samples=samples,
        command=" ".join(sys.argv[1:]),
        workers=_workers_of_run(options.workers_log, began),
    )
    print_table(run)
    write_report(run, options.out)
    print(f"report: {options.out / 'report.html'}")
    return 0 if not summary.errors and summary.correct == summary.judged else 1


def _send(
    options: argparse.Namespace, media: list[Medium], times: list[float], progress: "Progress"
) -> tuple[list[Outcome], list[Sample]]:
    if options.target == "http":
        run = HttpRun(
            options.url,
            concurrency=options.concurrency,
            retries=options.retries,
            timeout=options.timeout,
            headers={"X-Api-Key": options.api_key} if options.api_key else {},
            done=progress.add,
        )
        return asyncio.run(run.run(media, times))
    bucket_run = BucketRun(
        clients(options.endpoint_url),
        prefix=options.prefix,
        input_bucket=options.input_bucket,
        output_bucket=options.output_bucket,
        concurrency=options.concurrency,
        timeout=options.timeout,
        done=progress.add,
    )
    return bucket_run.run(media, times)


def _workers_of_run(path: Path | None, began: float) -> list[WorkerCount]:
    if path is None:
        return []
    try:
        wait_until_gone(path, seconds=LEAVE_SECONDS)
        return within(read_worker_log(path), began=began, ended=time.time())
    except BadWorkerLog as error:  # it was in order before the run, whose answers are worth a report without it
        print(f"workload: {error}", file=sys.stderr)
        return []


def _media(options: argparse.Namespace) -> list[Medium]:
    expected = read_expected(options.expected) if options.expected else {}
    found = (
        generated(min(options.requests, 64), seed=options.seed)
        if options.generate
        else from_folder(options.folder, videos=options.videos, expected=expected, by_folder=options.expect_folders)
    )
    return list(repeated(found, options.requests))


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="workload.py",
        description="Send photos or videos, and report throughput, latency, errors and accuracy.",
        epilog="example: python workload/workload.py http --folder photos/ --expect-folders -n 1000 -c 100",
    )
    targets = parser.add_subparsers(dest="target", required=True, metavar="TARGET")
    http = targets.add_parser("http", help="photos to the HTTP API, each answered at once")
    http.add_argument("--url", default="http://127.0.0.1:8000/", help="(default: %(default)s)")
    http.add_argument("--api-key", help="sent as X-Api-Key")
    http.add_argument("--retries", type=int, default=3, help="attempts after the first (default: %(default)s)")
    http.set_defaults(videos=False)
    bucket = targets.add_parser("bucket", help="photos or videos into the input bucket, answers from the output bucket")
    bucket.add_argument("--endpoint-url", help="of S3 and SQS (default: AWS's own, or $AWS_ENDPOINT_URL)")
    bucket.add_argument("--prefix", default="rollcall", help="of buckets and queues (default: %(default)s)")
    for role in ("input", "output"):
        bucket.add_argument(f"--{role}-bucket", metavar="NAME", help=f"name of the bucket (default: PREFIX-{role})")
    bucket.add_argument("--videos", action="store_true", help="send the folder's videos, not its photos")
    for target in (http, bucket):
        _add_common(target)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--folder", type=Path, help="what to send, again and again")
    source.add_argument("--generate", action="store_true", help="send generated 250×250 photos of noise")
    parser.add_argument("-n", "--requests", type=int, default=100, help="how many (default: %(default)s)")
    parser.add_argument("-c", "--concurrency", type=int, default=10, help="at once, at most (default: %(default)s)")
    parser.add_argument("--profile", help=f"when requests start: {FORMS} (default: as soon as there is room)")
    parser.add_argument("--expected", type=Path, help="CSV with the columns Image,Results")
    parser.add_argument("--expect-folders", action="store_true", help="the right answer is the photo's folder's name")
    parser.add_argument(
        "--workers-log",
        type=Path,
        metavar="FILE",
        help="workers.jsonl in the folder of `rollcall up --log-dir`: plots workers and backlog of each function",
    )
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for an answer (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of generated photos")
    parser.add_argument("--out", type=Path, default=Path("out/workload"), help="folder (default: %(default)s)")


class Progress:
    """One line, written over and over on a terminal, and rarely elsewhere."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = self._errors = 0
        self._shown = 0.0
        self._pause = PROGRESS_SECONDS if sys.stderr.isatty() else 20 * PROGRESS_SECONDS

    def add(self, outcome: Outcome) -> None:
        self._done += 1
        self._errors += outcome.error is not None
        if time.monotonic() - self._shown > self._pause:
            self._show()

    def end(self) -> None:
        self._show()
        print(file=sys.stderr)

    def _show(self) -> None:
        self._shown = time.monotonic()
        filled = 30 * self._done // max(self._total, 1)
        line = f"[{'#' * filled:30}] {self._done}/{self._total}, {self._errors} errors"
        print(line, end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)
