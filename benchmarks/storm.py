"""Many uploads at once on the local cloud, with workers that come, go and are killed: is all answered, and right?

python -m benchmarks.storm ../shared/data videos [--count 100] [--kill-every 4]
python -m benchmarks.storm ../shared/data photos [--count 10000] [--workers 2]

videos: the clips of DATA/videos again and again, against DATA/gallery. photos: those of DATA/johns at 250 x 250,
against johns. Prints JSON, and writes it with a drawing to out/storm-KIND.*. Needs the project's `bench` extra.
"""

import argparse
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from benchmarks.accuracy import read
from rollcall.cli.preparation import Enrollment, read_enrollment
from rollcall.cli.session import Session
from rollcall.contracts.object_keys import result_key
from rollcall.local.cloud import LocalCloud
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from rollcall.weights.folder import ensure_model_files

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

PHOTO_SIDE = 250  # pixels
READERS, LOOK_SECONDS = 8, 1.0
STALLED_SECONDS = 300  # without a single new result


@dataclass(frozen=True)
class Item:
    key: str
    body: bytes
    name: str


@dataclass
class Watched:
    """Results, waiting messages and workers by function, each second; and which workers were killed."""

    started: float = field(default_factory=time.monotonic)
    rows: list[dict[str, Any]] = field(default_factory=list)
    killed: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class Announced:
    """The results, as they are told of on their queue: at least once each."""

    def __init__(self, sqs: "SQSClient", queue: str) -> None:
        self.messages = 0
        self.ids: set[str] = set()
        self._sqs = sqs
        self._url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]

    def receive(self) -> int:
        """Results so far, with what there is now."""
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", []):
            self.messages += len(messages)
            self.ids.update(json.loads(message["Body"])["id"] for message in messages)
            self._sqs.delete_message_batch(
                QueueUrl=self._url,
                Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)],
            )
        return len(self.ids)


def main() -> int:
    options = _options()
    model_dir = ensure_model_files(progress=note)
    videos = options.kind == "videos"
    items = clips(options.data, options.count) if videos else photos(options.data, options.count)
    gallery = [options.data / "gallery" / "embeddings.json"] if videos else [options.data / "johns"]
    enrollment = read_enrollment(gallery, options.data / "gallery" / "people.json" if videos else None, model_dir)
    with tempfile.TemporaryDirectory() as logs:
        report, watched = storm(
            list(items),
            enrollment,
            model_dir,
            Path(logs),
            workers=options.workers,
            kill_every=options.kill_every,
            idle_seconds=options.idle_seconds,
        )
    folder = Path("out")
    folder.mkdir(exist_ok=True)
    (folder / f"storm-{options.kind}.json").write_text(json.dumps(report | {"by_second": watched.rows}) + "\n")
    draw(watched, folder / f"storm-{options.kind}.png")
    print(json.dumps(report, indent=2))
    return 0 if report["right"] == report["uploads"] and not report["dead_letters"] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("kind", choices=("videos", "photos"))
    parser.add_argument("--count", type=int, help="uploads (default: 100 videos, 10000 photos)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="of each function, at most")
    parser.add_argument("--kill-every", type=float, help="seconds between two kills of a random worker")
    parser.add_argument("--idle-seconds", type=float, default=10.0, help="until a worker without work goes")
    options = parser.parse_args()
    options.count = options.count or {"videos": 100, "photos": 10_000}[options.kind]
    return options


def clips(data: Path, count: int) -> Iterator[Item]:
    expected = json.loads((data / "videos" / "expected.json").read_text())
    for number, clip in zip(range(count), itertools.cycle(sorted(expected)), strict=False):
        path = data / "videos" / clip
        yield Item(f"{number:05}-{clip}", path.read_bytes(), expected[clip]["person"])


def photos(data: Path, count: int) -> Iterator[Item]:
    bodies = []
    for path in sorted((data / "johns").glob("*/*.jpg")):
        small = cv2.resize(read(path), (PHOTO_SIDE, PHOTO_SIDE), interpolation=cv2.INTER_AREA)
        bodies.append((path.parent.name, cv2.imencode(".jpg", small)[1].tobytes()))
    for number, (name, body) in zip(range(count), itertools.cycle(bodies), strict=False):
        yield Item(f"{number:05}.jpg", body, name)


def storm(
    items: list[Item],
    enrollment: Enrollment,
    model_dir: Path,
    logs: Path,
    *,
    workers: int,
    kill_every: float | None,
    idle_seconds: float,
) -> tuple[dict[str, Any], Watched]:
    pipeline = describe(Settings())
    with LocalCloud(
        pipeline,
        max_concurrency=workers,
        idle_timeout=idle_seconds,
        log_dir=logs,
        extra_environment={"ROLLCALL_MODEL_DIR": str(model_dir)},
    ) as cloud:
        session = Session(cloud, "rollcall")
        session.enroll(enrollment)
        note(f"uploading {len(items)}")
        watched, stop = Watched(), threading.Event()
        killer = threading.Thread(target=_kill, args=(cloud, watched, stop, kill_every), daemon=True)
        if kill_every:
            killer.start()
        announced = Announced(cloud.client("sqs"), f"{session.prefix}-results")
        with ThreadPoolExecutor(1) as pool:
            upload = pool.submit(_upload, session, items)
            done = _watch(announced, cloud, watched, len(items))
            upload.result()
        elapsed = time.monotonic() - watched.started
        stop.set()
        _wait_for_no_workers(announced, cloud, watched)
        right, wrong = _judged(session, items)
        return {
            "uploads": len(items),
            "results": done,
            "right": right,
            "wrong": wrong[:5],
            "announced": {"messages": announced.messages, "results": len(announced.ids)},
            "dead_letters": sum(_messages(session, queue.dead_letter_queue) for queue in pipeline.queues),
            "killed": dict(watched.killed),
            "seconds": round(elapsed, 1),
            "a_minute": round(60 * len(items) / elapsed, 1),
            "most_workers": {
                function.component: max((row["workers"][function.component] for row in watched.rows), default=0)
                for function in pipeline.functions
            },
            "workers_at_the_end": watched.rows[-1]["workers"],
            "peak_memory_mb": _peaks(cloud),
        }, watched


def _upload(session: Session, items: Sequence[Item]) -> None:
    for item in items:
        session.s3.put_object(Bucket=session.bucket("input"), Key=item.key, Body=item.body)


def _watch(announced: Announced, cloud: LocalCloud, watched: Watched, expected: int) -> int:
    last_change, before = time.monotonic(), 0
    while (done := announced.receive()) < expected:
        _note_row(cloud, watched, done)
        if done != before:
            last_change, before = time.monotonic(), done
        if time.monotonic() - last_change > STALLED_SECONDS:
            note(f"no new result for {STALLED_SECONDS} s")
            break
        if len(watched.rows) % 30 == 0:
            note(f"{done} of {expected}")
        time.sleep(LOOK_SECONDS)
    return done


def _note_row(cloud: LocalCloud, watched: Watched, done: int) -> None:
    status = {name.removeprefix("rollcall-").replace("-", "_"): now for name, now in cloud.status().items()}
    watched.rows.append(
        {
            "second": round(time.monotonic() - watched.started, 1),
            "done": done,
            "workers": {name: now.workers for name, now in status.items()},
            "in_hand": {name: now.in_flight for name, now in status.items()},
        }
    )


def _wait_for_no_workers(announced: Announced, cloud: LocalCloud, watched: Watched) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        _note_row(cloud, watched, announced.receive())
        if not any(watched.rows[-1]["workers"].values()):
            return
        time.sleep(LOOK_SECONDS)


def _judged(session: Session, items: list[Item]) -> tuple[int, list[str]]:
    def names(item: Item) -> list[str]:
        try:
            answer = session.s3.get_object(Bucket=session.bucket("output"), Key=result_key(item.key))
        except session.s3.exceptions.NoSuchKey:
            return ["no result"]
        result = json.loads(answer["Body"].read())
        return [person["name"] for person in result["people"]] if result["status"] == "done" else ["failed"]

    with ThreadPoolExecutor(READERS) as pool:
        found = list(pool.map(names, items))
    wrong = [f"{item.key}: {was}" for item, was in zip(items, found, strict=True) if was != [item.name]]
    return len(items) - len(wrong), wrong


def _messages(session: Session, queue: str) -> int:
    sqs = session.cloud.client("sqs")
    answer = sqs.get_queue_attributes(
        QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def _kill(cloud: LocalCloud, watched: Watched, stop: threading.Event, every: float) -> None:
    chosen = random.Random(0)
    while not stop.wait(every):
        alive = [(name, pid) for name in cloud.status() for pid in cloud.worker_pids(name)]
        if alive:
            name, pid = chosen.choice(alive)
            os.kill(pid, signal.SIGKILL)
            watched.killed[name] += 1


def _peaks(cloud: LocalCloud) -> dict[str, dict[str, float]]:
    """Most memory of any worker by function, over the first and over the last tenth of the invocations."""
    peaks: dict[str, list[float]] = defaultdict(list)
    for report in cloud.reports():
        peaks[report.function].append(report.max_memory_mb)
    return {
        name: {
            "first_tenth": max(sizes[: max(1, len(sizes) // 10)]),
            "last_tenth": max(sizes[-max(1, len(sizes) // 10) :]),
        }
        for name, sizes in sorted(peaks.items())
    }


def draw(watched: Watched, target: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - only to draw

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(9, 6))
    seconds = np.array([row["second"] for row in watched.rows])
    above.plot(seconds, [row["done"] for row in watched.rows], label="results")
    above.legend()
    for name in watched.rows[0]["workers"]:
        below.step(seconds, [row["workers"][name] for row in watched.rows], where="post", label=name)
    below.set(xlabel="seconds", ylabel="workers")
    below.legend()
    figure.tight_layout()
    figure.savefig(target)
    plt.close(figure)


def note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
