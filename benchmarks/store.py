"""The local store: requests with a long queue, and what outlives `kill -9`.

python -m benchmarks.store queue [--messages 100000]
python -m benchmarks.store kill [--uploads 300] [--every 10]
python -m benchmarks.store copies [--uploads 300] [--copies 10]

Prints JSON. `benchmarks.photos` measures photos through the bucket.
"""

import argparse
import io
import json
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import psutil
from botocore.config import Config
from PIL import Image, ImageOps

from benchmarks.store_objects import latencies, spread
from rollcall.cli.demo.demo_photos import ensure_photos
from rollcall.local.store.server import StoreSettings, run

CLIENTS = 8
SIDE = 250  # pixels of a photo
PATIENCE = 600.0
KEYS: dict[str, Any] = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
QUICK = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=30, max_pool_connections=32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    queue = commands.add_parser("queue")
    queue.add_argument("--messages", type=int, default=100_000)
    kill = commands.add_parser("kill")
    kill.add_argument("--uploads", type=int, default=300)
    kill.add_argument("--every", type=float, default=10.0)
    copies = commands.add_parser("copies")
    copies.add_argument("--uploads", type=int, default=300)
    copies.add_argument("--copies", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        told = MEASURES[options.what](options, Path(folder))
        print(json.dumps(told, indent=2))
        print("\n".join(latencies(told)), file=sys.stderr)


def measure_queue(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    with bare_store(folder / "queue") as url:
        sqs = boto3.client("sqs", endpoint_url=url, config=QUICK, **KEYS)
        queue = sqs.create_queue(QueueName="long")["QueueUrl"]

        def fill(_: int) -> None:
            entries: Any = [{"Id": str(n), "MessageBody": "x" * 900} for n in range(10)]
            sqs.send_message_batch(QueueUrl=queue, Entries=entries)

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(fill, range(options.messages // 10)))
        times: dict[str, list[float]] = {}
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: _ask_all(sqs, queue, times), range(200)))
    return {
        "messages": options.messages,
        "milliseconds": {name: spread([1000 * seconds for seconds in taken]) for name, taken in times.items()},
    }


def _ask_all(sqs: Any, queue: str, times: dict[str, list[float]]) -> None:
    def timed(name: str, ask: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        answer = ask()
        times.setdefault(name, []).append(time.perf_counter() - started)
        return answer

    timed("send", lambda: sqs.send_message(QueueUrl=queue, MessageBody="x" * 900))
    timed("count", lambda: sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"]))
    found = timed("receive", lambda: sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10))
    entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(found["Messages"])]
    timed("delete", lambda: sqs.delete_message_batch(QueueUrl=queue, Entries=entries))


def measure_kill(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All of `rollcall up` is killed now and then while photos are uploaded; each acknowledged one has its result."""
    photos, gallery = pictures(folder)
    kept = ["--data", str(folder / "kill")]
    todo = [f"photo-{number}.jpg" for number in range(options.uploads)]
    acknowledged: list[str] = []
    kills = 0
    while todo:
        with Up(Path.cwd(), gallery, kept) as up:
            uploader = threading.Thread(target=_upload, args=(up.client("s3"), todo, acknowledged, photos))
            uploader.start()
            uploader.join(options.every)
            up.kill_all()
            kills += 1
            uploader.join()
    with Up(Path.cwd(), gallery, kept) as up:
        sqs = up.client("sqs")
        missing = _wait_for_results(up.client("s3"), acknowledged)
        queue = sqs.get_queue_url(QueueName="rollcall-results")["QueueUrl"]
        ids: Counter[str] = Counter()
        while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            ids.update(json.loads(message["Body"])["id"] for message in found)
            entries: Any = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(found)]
            sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
        people = up.client("dynamodb").scan(TableName="rollcall-faces", Select="COUNT")["Count"]
    return {
        "uploads_acknowledged": len(acknowledged),
        "without_result": sorted(missing),
        "kills": kills,
        "announced": len(ids),
        "announced_more_than_once": sum(times > 1 for times in ids.values()),
        "faces_enrolled": people,
    }


def measure_copies(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Copies of the folder, taken while photos are uploaded. In each, what was acknowledged before has its result."""
    photos, gallery = pictures(folder)
    todo = [f"photo-{number}.jpg" for number in range(options.uploads)]
    acknowledged: list[str] = []
    copies: list[tuple[Path, list[str], float]] = []
    with Up(Path.cwd(), gallery, ["--data", str(folder / "data")]) as up:
        uploader = threading.Thread(target=_upload, args=(up.client("s3"), todo, acknowledged, photos))
        uploader.start()
        for number in range(options.copies):
            time.sleep(random.uniform(0.5, 2 * 0.15 * options.uploads / options.copies))
            before, started = [*acknowledged], time.monotonic()
            subprocess.run(["cp", "-r", folder / "data", folder / f"copy-{number}"], check=True)
            copies.append((folder / f"copy-{number}", before, time.monotonic() - started))
        uploader.join()
    told = []
    for copy, before, seconds in copies:
        with Up(Path.cwd(), gallery, ["--data", str(copy)]) as up:
            missing = _wait_for_results(up.client("s3"), before)
        shutil.rmtree(copy)
        told.append(
            {"acknowledged": len(before), "seconds_to_copy": round(seconds, 2), "without_result": sorted(missing)}
        )
    return {"copies": told}


def _wait_for_results(s3: Any, keys: list[str]) -> set[str]:
    missing = set(keys)
    end = time.monotonic() + PATIENCE
    while missing and time.monotonic() < end:
        missing = {key for key in missing if not _named(s3, key)}
        time.sleep(1)
    return missing


def _upload(s3: Any, todo: list[str], acknowledged: list[str], pictures: list[bytes]) -> None:
    while todo:
        key = todo[-1]
        try:
            s3.put_object(Bucket="rollcall-input", Key=key, Body=pictures[len(todo) % len(pictures)])
        except Exception:  # noqa: BLE001 - the server has been killed
            return
        acknowledged.append(todo.pop())
        time.sleep(0.1)


def _named(s3: Any, key: str) -> bool:
    try:
        return bool(json.load(s3.get_object(Bucket="rollcall-output", Key=f"{key}.json")["Body"])["people"])
    except s3.exceptions.NoSuchKey:
        return False


class Up:
    """`rollcall up` of a checkout."""

    def __init__(self, checkout: Path, gallery: Path, options: list[str]) -> None:
        module = "rollcall"
        command: list[str | Path] = [
            checkout / ".venv/bin/python",
            "-m",
            module,
            "up",
            "--port",
            "0",
            "--api-port",
            "0",
        ]
        self._process = subprocess.Popen(
            [*command, "--gallery", gallery, *options],
            cwd=checkout,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.answered = 0
        self._url = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait_for(lambda: self._url != "")

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self._url, config=QUICK, **KEYS)  # type: ignore[call-overload]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            if self._process.poll() is not None or time.monotonic() > end:
                raise SystemExit("rollcall up ended, or took too long")
            time.sleep(0.02)

    def kill_all(self) -> None:
        with suppress(psutil.Error):
            tree = [psutil.Process(self._process.pid), *psutil.Process(self._process.pid).children(recursive=True)]
            for process in tree:
                with suppress(psutil.Error):
                    process.kill()

    @property
    def processes(self) -> list[psutil.Process]:
        main = psutil.Process(self._process.pid)
        return [main, *main.children(recursive=True)]

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                if line.startswith("ready at "):
                    self._url = line.split("ready at ")[1].split(": ")[0]
                self.answered += line.startswith(("done", "failed"))

    def __enter__(self) -> "Up":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()


@contextmanager
def bare_store(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        code = "import sys; from benchmarks.store import serve; serve(int(sys.argv[1]), sys.argv[2])"
        command = [sys.executable, "-c", code, str(listener.fileno()), str(folder)]
        with subprocess.Popen(command, pass_fds=[listener.fileno()]) as process:
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                process.terminate()


def serve(descriptor: int, folder: str) -> None:
    run([socket.socket(fileno=descriptor)], StoreSettings(folder=Path(folder)))


def pictures(folder: Path, media: Path | None = None) -> tuple[list[bytes], Path]:
    """Photos to upload, cut to squares, and a gallery of one person.

    `media`: a folder of photos. Without it the person is on all of them, and the networks are sure of the face.
    """
    photos = ensure_photos(folder / "photos-of-the-demo", progress=lambda line: print(line, file=sys.stderr))
    gallery = folder / "gallery"
    (gallery / "Barack Obama").mkdir(parents=True)
    shutil.copy(photos / "obama.jpg", gallery / "Barack Obama")
    if media is not None:
        return [_square(path) for path in sorted(media.rglob("*.jpg"))], gallery
    # different bytes, so that nothing is the same file
    return [_square(photos / "obama2.jpg", higher=pixels) for pixels in range(4)], gallery


def _square(path: Path, *, higher: int = 0) -> bytes:
    """Cut, not squeezed: the networks are unsure of a squeezed face, and look at it six times."""
    encoded = io.BytesIO()
    with Image.open(path) as image:
        ImageOps.fit(image.convert("RGB"), (SIDE, SIDE + higher)).save(encoded, "JPEG")
    return encoded.getvalue()


MEASURES = {"queue": measure_queue, "kill": measure_kill, "copies": measure_copies}

if __name__ == "__main__":
    main()
