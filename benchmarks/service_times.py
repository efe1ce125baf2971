"""What each function costs to run: processor seconds, requests to AWS, bytes; written to benchmarks/measured.json.

python -m benchmarks.service_times ../shared/data

The real handlers work on the real events of real clips, one after another, in this process; S3, SQS and DynamoDB are
the local cloud's. What is kept of time are processor seconds, of this process and of ffmpeg. On Lambda a function has
as much processor as its memory buys, and other work on this machine hardly changes them. The local cloud's own time is
not among them.
"""

import argparse
import datetime
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import _lru_cache_wrapper
from pathlib import Path
from typing import Any, cast

import boto3
import botocore.session

from benchmarks.cold_start import READY, cold_environment
from benchmarks.machine import describe_machine
from benchmarks.measured import PATH, Clip, Measured, Run, Work
from rollcall.cli.preparation import read_enrollment
from rollcall.contracts.object_keys import result_key
from rollcall.local.aws import AwsServer, StoreCommand
from rollcall.local.lambda_host.guard import Guard
from rollcall.local.lambda_host.process_environment import ACCESS_KEY, REGION, SECRET_KEY
from rollcall.local.lambda_host.runtime_event import sqs_event
from rollcall.local.own_clients import create_client
from rollcall.local.provision import QueueAddress, provision
from rollcall.media.videos.ffmpeg import find
from rollcall.people.gallery_store import GalleryStore
from rollcall.people.people_store import PeopleStore
from rollcall.pipeline.description import Function, Pipeline, describe
from rollcall.pipeline.settings import Settings
from rollcall.weights.folder import ensure_model_files

CLIPS = {
    "1080p 30": "test_8.mp4",
    "720p 24": "test_0.mp4",
    "1080p 30, high bit rate": "test_1.mp4",
    "1080p 60": "test_5.mp4",
}
RATES = (1.0, 2.0)  # sampled frames a second
SECONDS = (20, 80)  # two lengths tell what a video costs from what a second of it costs
COLD_STARTS = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service_times", description="measure the functions")
    parser.add_argument("data", type=Path, help="folder with videos/ and gallery/")
    options = parser.parse_args()
    if not (options.data / "videos").is_dir():
        print(f"{options.data}/videos is not here: there is nothing to measure on", file=sys.stderr)
        return 2
    for measured in measure(options.data, ensure_model_files()):
        PATH.write_text(measured.model_dump_json(indent=1) + "\n")
    print(f"written to {PATH}", file=sys.stderr)
    return 0


def measure(data: Path, model_dir: Path) -> Iterator[Measured]:
    """All that is known so far, after each clip."""
    measured = Measured(
        date=datetime.datetime.now(datetime.UTC).date(),
        machine=describe_machine(),
        cold_start_cpu_seconds=_cold_starts(model_dir),
        clips=[],
    )
    with tempfile.TemporaryDirectory() as scratch:
        for name, clip in CLIPS.items():
            measured.clips.append(_measure_clip(name, data / "videos" / clip, data, model_dir, Path(scratch)))
            yield measured


def _measure_clip(name: str, clip: Path, data: Path, model_dir: Path, scratch: Path) -> Clip:
    runs, size = [], 0
    for seconds in SECONDS:
        video = _repeat(clip, scratch / f"{seconds}.mp4", seconds)
        size = video.stat().st_size
        for rate in RATES:
            print(f"{name}: {seconds} s at {rate:g} a second", file=sys.stderr, flush=True)
            with _bench(rate, data, model_dir) as bench:
                runs.append(bench.run(video, seconds, rate))
    return Clip(name=name, megabits_per_second=round(8e-6 * size / SECONDS[-1], 1), runs=runs)


def _repeat(clip: Path, target: Path, seconds: int) -> Path:
    command = [str(find().ffmpeg), "-v", "error", "-stream_loop", "-1", "-i", str(clip), "-t", str(seconds)]
    subprocess.run([*command, "-c", "copy", "-an", "-y", str(target)], check=True)
    return target


@contextmanager
def _bench(rate: float, data: Path, model_dir: Path) -> Iterator["_Bench"]:
    """An empty cloud with the pipeline's resources, people enrolled, and the handlers pointed at it."""
    pipeline = describe(Settings(frames_per_second=rate))
    with ExitStack() as ending:
        scratch = Path(ending.enter_context(tempfile.TemporaryDirectory()))
        guard = Guard()
        ending.callback(guard.close)
        store = StoreCommand(folder=scratch / "data", durable=False)
        server = ending.enter_context(AwsServer(command=store, port=0, log_file=scratch / "aws.log", guard=guard))
        server.wait_until_serving()
        clients = {service: create_client(service, server.endpoint_url) for service in ("s3", "sqs", "dynamodb")}
        for client in clients.values():
            ending.callback(client.close)
        queues = provision(pipeline, s3=clients["s3"], sqs=clients["sqs"], dynamodb=clients["dynamodb"])
        for queue in queues.values():  # S3 has sent its test event to each
            clients["sqs"].purge_queue(QueueUrl=queue.url)
        requests = _point_handlers_at(server.endpoint_url, pipeline, model_dir)
        tables = boto3.resource("dynamodb")
        enrollment = read_enrollment(
            [data / "gallery" / "embeddings.json"], data / "gallery" / "people.json", model_dir
        )
        GalleryStore(tables.Table("rollcall-faces")).put_all(enrollment.faces)
        people = PeopleStore(tables.Table("rollcall-people"))
        for record in enrollment.records:
            people.put(record)
        yield _Bench(pipeline=pipeline, clients=clients, queues=queues, requests=requests, scratch=scratch)


def _point_handlers_at(endpoint_url: str, pipeline: Pipeline, model_dir: Path) -> Counter[str]:
    """The environment of all the functions, and a default session that counts what they ask of AWS."""
    for function in pipeline.functions:
        os.environ.update(function.environment)
    os.environ.update(
        AWS_ENDPOINT_URL=endpoint_url,
        AWS_DEFAULT_REGION=REGION,
        AWS_ACCESS_KEY_ID=ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY=SECRET_KEY,
        ROLLCALL_MODEL_DIR=str(model_dir),
    )
    requests: Counter[str] = Counter()

    def count(**event: Any) -> None:
        model = event["model"]
        requests[f"{model.service_model.service_id} {model.name}"] += 1

    session = botocore.session.Session()
    session.register("before-call", count)
    boto3.setup_default_session(botocore_session=session)
    for function in pipeline.functions:
        _start_again(function)
    return requests


def _start_again(function: Function) -> None:
    """A warm worker with the environment of now: what the handler's module keeps is made anew."""
    module = importlib.import_module(function.handler.rpartition(".")[0])
    kept = [value for value in vars(module).values() if isinstance(value, _lru_cache_wrapper)]
    for cached in kept:
        cached.cache_clear()
    for cached in kept:
        cached()


@dataclass(frozen=True, kw_only=True)
class _Bench:
    pipeline: Pipeline
    clients: dict[str, Any]
    queues: Any
    requests: Counter[str]
    scratch: Path

    def run(self, video: Path, seconds: int, rate: float) -> Run:
        s3 = self.clients["s3"]
        s3.put_object(Bucket="rollcall-input", Key="video.mp4", Body=video.read_bytes())
        work = {function.component: self._drain(function) for function in self.pipeline.functions}
        result = json.loads(s3.get_object(Bucket="rollcall-output", Key=result_key("video.mp4"))["Body"].read())
        if result["status"] != "done":
            raise SystemExit(f"{video.name}: {result}")
        packs = self._sizes("rollcall-stage-1", ".zip")
        faces = self._sizes("rollcall-stage-1", ".json")
        return Run(
            seconds=seconds,
            frames_per_second=rate,
            frames=result["frames"],
            gops=len(packs),
            faces=self._faces(),
            pack_bytes=sum(packs),
            faces_bytes=sum(faces),
            output_bytes=sum(self._sizes("rollcall-output", "")),
            job_item_bytes=len(json.dumps(self.clients["dynamodb"].scan(TableName="rollcall-jobs")["Items"])),
            work=work,
        )

    def _drain(self, function: Function) -> Work:
        """All messages of the function's queue, one a call."""
        handler = _handler(function)
        queue: QueueAddress = self.queues[function.queue]
        work = Work()
        self.requests.clear()
        while messages := self._receive(queue):
            with self._captured(work):
                answer = handler(json.loads(sqs_event(messages, queue_arn=queue.arn)), _Context(function))
            if answer["batchItemFailures"]:
                raise SystemExit(f"{function.name} failed: see its log above")
            for message in messages:
                self.clients["sqs"].delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
        work.requests = dict(sorted(self.requests.items()))
        return work

    def _receive(self, queue: QueueAddress) -> list[Any]:
        answer = self.clients["sqs"].receive_message(
            QueueUrl=queue.url, MaxNumberOfMessages=1, WaitTimeSeconds=1, AttributeNames=["All"]
        )
        messages: list[Any] = answer.get("Messages", [])
        return messages

    @contextmanager
    def _captured(self, work: Work) -> Iterator[None]:
        log = self.scratch / "log"
        sys.stdout.flush()
        kept = os.dup(1)
        with log.open("wb") as file:
            os.dup2(file.fileno(), 1)
        cpu, wall = _cpu(), time.perf_counter()
        try:
            yield
        finally:
            work.cpu_seconds += _cpu() - cpu
            work.wall_seconds += time.perf_counter() - wall
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)
        lines = log.read_bytes()
        work.messages += 1
        work.log_bytes += len(lines)
        work.log_lines += lines.count(b"\n")

    def _sizes(self, bucket: str, suffix: str) -> list[int]:
        pages = self.clients["s3"].get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [item["Size"] for page in pages for item in page.get("Contents", ()) if item["Key"].endswith(suffix)]

    def _faces(self) -> int:
        s3 = self.clients["s3"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="rollcall-stage-1")
        keys = [item["Key"] for page in pages for item in page.get("Contents", ()) if item["Key"].endswith(".json")]
        bodies = (s3.get_object(Bucket="rollcall-stage-1", Key=key)["Body"].read() for key in keys)
        return sum(len(json.loads(body)["faces"]) for body in bodies)


def _handler(function: Function) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    module, _, name = function.handler.rpartition(".")
    return cast(Callable[[dict[str, Any], Any], dict[str, Any]], getattr(importlib.import_module(module), name))


@dataclass
class _Context:
    """What the handlers and Powertools read of Lambda's context."""

    function: Function
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"
    started: float = field(default_factory=time.monotonic)

    @property
    def function_name(self) -> str:
        return self.function.name

    @property
    def memory_limit_in_mb(self) -> int:
        return self.function.memory_mb

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:123456789012:function:{self.function.name}"

    def get_remaining_time_in_millis(self) -> int:
        return int(1000 * (self.function.timeout - (time.monotonic() - self.started)))


def _cpu() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def _cold_starts(model_dir: Path) -> dict[str, float]:
    """Processor seconds from the start of a process until each function could take its first event."""
    return {function.component: _cold_start(function, model_dir) for function in describe(Settings()).functions}


def _cold_start(function: Function, model_dir: Path) -> float:
    environment = cold_environment(function, model_dir)
    seconds = []
    for _ in range(COLD_STARTS):
        before = _cpu()
        subprocess.run([sys.executable, "-c", READY[function.component]], check=True, env=environment)
        seconds.append(_cpu() - before)
    return round(min(seconds), 3)


if __name__ == "__main__":
    sys.exit(main())
