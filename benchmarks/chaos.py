"""Everything of `rollcall up` is killed at random while uploads and photos are in flight: is all answered, and right?

python -m benchmarks.chaos [--seconds 120] [--uploads 200] [--photos 500] [--aws-kills 2]

Children, workers, recognizers, the HTTP API and the local AWS get SIGKILL, never `rollcall up` itself. An upload is
sent until it is acknowledged, and never again. Posts are sent again after a broken connection and after 503. Prints
JSON; exit code 1 if an answer is wrong or missing.
"""

import argparse
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import psutil
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from rollcall.cli.demo.demo_photos import ensure_photos
from rollcall.contracts.object_keys import result_key

ENROLLED = {"Barack Obama": "obama.jpg", "Eileen Collins": "astronaut.png"}
ANSWERS = {"obama2.jpg": "Barack Obama", "astronaut.png": "Eileen Collins", "biden.jpg": "unknown"}
CLIP_SECONDS = 2
CLIPS_AMONG = 5  # every fifth upload is a video
PATIENCE = 900.0  # seconds for one answer, from the first try on
KILL_PAUSE = (0.5, 2.0)  # seconds between two kills
LOOK_SECONDS = 0.5
CLIENTS = 16


@dataclass(frozen=True, kw_only=True)
class Upload:
    key: str
    body: bytes = field(repr=False)
    name: str


@dataclass
class Tally:
    """What happened, counted by several threads."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str, wrong: str | None = None) -> None:
        with self.lock:
            self.counts[what] += 1
            if wrong is not None:
                self.wrong.append(wrong)


@dataclass(frozen=True, kw_only=True)
class Server:
    process: "subprocess.Popen[str]"
    aws: str
    api: str
    prefix: str = "rollcall"


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = ensure_photos(folder / "photos", progress=lambda line: print(line, file=sys.stderr))
        gallery = _gallery(folder, photos)
        with serving(gallery, folder) as server:
            report = chaos(server, photos, folder, options)
            report["up_still_there"] = server.process.poll() is None
            started = time.monotonic()
            server.process.send_signal(signal.SIGINT)
            server.process.wait(timeout=60)
            report["seconds_to_end"] = round(time.monotonic() - started, 2)
    print(json.dumps(report, indent=2))
    right = report["uploads_right"] == options.uploads and report["photos_right"] == options.photos
    return 0 if right and report["up_still_there"] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long the killing lasts")
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--photos", type=int, default=500, help="by HTTP")
    parser.add_argument("--aws-kills", type=int, default=2, help="of the local AWS, which loses what it holds")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _gallery(folder: Path, photos: Path) -> Path:
    for person, photo in ENROLLED.items():
        (folder / "people" / person).mkdir(parents=True)
        shutil.copy(photos / photo, folder / "people" / person)
    return folder / "people"


@contextmanager
def serving(gallery: Path, folder: Path) -> Iterator[Server]:
    command = [sys.executable, "-m", "rollcall", "up", "--port", "0", "--api-port", "0"]
    command += ["--data", str(folder / "data"), "--gallery", str(gallery)]
    with (folder / "up.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    with process:
        try:
            assert process.stdout is not None
            ready = next(line for line in process.stdout if line.startswith("ready"))
            aws, api = re.findall(r"https?://[\w.:]+\d", ready)
            threading.Thread(target=process.stdout.read, daemon=True).start()  # nobody else empties the pipe
            yield Server(process=process, aws=aws, api=api)
        finally:
            process.terminate()
            print((folder / "up.log").read_text(), file=sys.stderr)


def chaos(server: Server, photos: Path, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    tally, killing = Tally(), threading.Event()
    killer = Killer(server, random.Random(options.seed), aws_kills=options.aws_kills, seconds=options.seconds)
    started = time.monotonic()
    thread = threading.Thread(target=killer.run, args=(killing,))
    thread.start()
    s3 = client(server)
    pool = urllib3.PoolManager(maxsize=CLIENTS, retries=False, timeout=urllib3.Timeout(60))
    with ThreadPoolExecutor(CLIENTS) as uploading, ThreadPoolExecutor(CLIENTS // 4) as posting:
        for upload in uploads(photos, folder, options.uploads):
            uploading.submit(guarded, partial(settle, s3, server, upload, tally), tally)
        for number in range(options.photos):
            posting.submit(guarded, partial(post, pool, server, photos, number, tally), tally)
    killing.set()
    thread.join()
    counts = tally.counts
    return {
        "uploads": options.uploads,
        "uploads_right": counts["upload right"],
        "photos": options.photos,
        "photos_right": counts["photo right"],
        "photos_sent_again": counts["photo again"],
        "wrong": tally.wrong,
        "killed": dict(killer.killed),
        "seconds": round(time.monotonic() - started, 1),
    }


def guarded(work: Callable[[], None], tally: Tally) -> None:
    try:
        work()
    except Exception as error:
        tally.add("broken", f"{type(error).__name__}: {error}")


def client(server: Server) -> Any:
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30, max_pool_connections=64)
    keys: dict[str, Any] = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=server.aws, config=config, **keys)


def uploads(photos: Path, folder: Path, count: int) -> Iterator[Upload]:
    names = sorted(ANSWERS)
    bodies = {(name, False): (photos / name).read_bytes() for name in names}
    bodies |= {(name, True): clip(photos / name, folder / f"{name}.mp4") for name in names}
    for number in range(count):
        name, video = names[number % len(names)], number % CLIPS_AMONG == 0
        key = f"chaos/{number:04d}{'.mp4' if video else Path(name).suffix}"
        yield Upload(key=key, body=bodies[name, video], name=ANSWERS[name])


def clip(photo: Path, path: Path) -> bytes:
    shape = "scale=640:360:force_original_aspect_ratio=decrease,pad=640:360:-1:-1:gray,setsar=1,format=yuv420p"
    source = ["-loop", "1", "-framerate", "25", "-t", str(CLIP_SECONDS), "-i", str(photo)]
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *source, "-vf", shape, str(path)]
    subprocess.run(command, check=True, timeout=60)
    return path.read_bytes()


def settle(s3: Any, server: Server, upload: Upload, tally: Tally) -> None:
    """Upload until it is acknowledged, and wait for the result."""
    put_again = True
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(BotoCoreError, ClientError):
            if put_again:
                s3.put_object(Bucket=f"{server.prefix}-input", Key=upload.key, Body=upload.body)
                tally.add("upload sent")
                put_again = False
            result = answer(s3, f"{server.prefix}-output", result_key(upload.key))
            if result is not None:
                judge(result, upload, tally)
                return
        time.sleep(LOOK_SECONDS)
    tally.add("upload unanswered", f"{upload.key}: no answer within {PATIENCE:.0f} s")


def answer(s3: Any, bucket: str, key: str) -> Any:
    try:
        return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] in {"404", "NoSuchKey", "NoSuchBucket"}:
            return None
        raise


def judge(result: dict[str, Any], upload: Upload, tally: Tally) -> None:
    said = [person["name"] for person in result.get("people", [])] or (
        ["unknown"] if result.get("unknown") else [result["status"]]
    )
    if said == [upload.name]:
        tally.add("upload right")
    else:
        tally.add("upload wrong", f"{upload.key}: {upload.name} expected, {said} {result.get('error')}")


def post(pool: urllib3.PoolManager, server: Server, photos: Path, number: int, tally: Tally) -> None:
    name = sorted(ANSWERS)[number % len(ANSWERS)]
    form = {"inputFile": (f"{number}.jpg", (photos / name).read_bytes())}
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(urllib3.exceptions.HTTPError):
            answered = pool.request("POST", f"{server.api}/", fields=form)
            if answered.status != 503:
                said = answered.data.decode(errors="replace")
                right = (answered.status, said) == (200, f"{number}:{ANSWERS[name]}")
                tally.add("photo right" if right else "photo wrong", None if right else f"{name}: {said}")
                return
        tally.add("photo again")
        time.sleep(LOOK_SECONDS)
    tally.add("photo unanswered", f"photo {number}: no answer within {PATIENCE:.0f} s")


class Killer:
    """Kills one process of a random kind at a time: all kinds get their share, however many processes they have."""

    KINDS = {
        "ffmpeg": r"/ff(mpeg|probe) ",
        "worker": r"awslambdaric",
        "photo process": r"photo|decoder",
        "recognizer": r"functions\.api\.recogni",
        "api": r"-m functions\.api( |$)",
        "aws": r"rollcall\.local\.store",
    }

    def __init__(self, server: Server, dice: random.Random, *, aws_kills: int, seconds: float) -> None:
        self._server = server
        self._dice = dice
        self._seconds = seconds
        self._aws_times = sorted(dice.uniform(0.1, 0.9) * seconds for _ in range(aws_kills))
        self.killed: Counter[str] = Counter()

    def run(self, done: threading.Event) -> None:
        started = time.monotonic()
        while (now := time.monotonic() - started) < self._seconds and not done.wait(self._dice.uniform(*KILL_PAUSE)):
            kinds = [kind for kind in self.KINDS if kind != "aws"]
            if self._aws_times and self._aws_times[0] <= now:
                self._aws_times.pop(0)
                kinds = ["aws"]
            self._kill_one(kinds)

    def _kill_one(self, kinds: list[str]) -> None:
        found = self._processes()
        there = [kind for kind in kinds if found.get(kind)]
        if not there:
            return
        kind = self._dice.choice(there)
        with suppress(psutil.NoSuchProcess):
            self._dice.choice(found[kind]).send_signal(signal.SIGKILL)
            self.killed[kind] += 1

    def _processes(self) -> dict[str, list[psutil.Process]]:
        found: dict[str, list[psutil.Process]] = {}
        for process in psutil.Process(self._server.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                command = " ".join(process.cmdline()) + " "
                kind = next((kind for kind, form in self.KINDS.items() if re.search(form, command)), None)
                if kind is not None:
                    found.setdefault(kind, []).append(process)
        return found


if __name__ == "__main__":
    sys.exit(main())
