"""The image for people who run Rollcall themselves: from its first start to what it keeps when it is killed."""

import configparser
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config

from rollcall.cli.demo.demo_photos import ensure_photos
from rollcall.local.lambda_host.launch import SANDBOX
from tests.images.conftest import read_config
from tests.integration.throwaway import until

PATIENCE = 180  # seconds: each answer needs workers that start first
PORTS = ("--port", "0", "--api-port", "0")  # any that are free


@pytest.fixture(scope="module")
def image(images: Path) -> Path:
    return images / "server"


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Who is enrolled is in its folder's name."""
    folder = tmp_path_factory.mktemp("photos")
    path = folder / "gallery" / "Eileen" / "astronaut.png"
    path.parent.mkdir(parents=True)
    shutil.copy(ensure_photos(folder / "all", progress=print) / "astronaut.png", path)
    return path


def sandboxed(image: Path, data: Path, *more: str) -> list[str]:
    """Runs it as `docker/compose.yaml` does: only the volume and /tmp can be written, and there are no rights."""
    root = (image / "root").absolute()
    return [
        *(SANDBOX, "--die-with-parent", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--cap-drop", "ALL"),
        *("--uid", "1000", "--gid", "1000", "--ro-bind", str(root), "/", "--proc", "/proc", "--dev", "/dev"),
        *("--bind", str(data), "/data", "--tmpfs", "/tmp", *more, "--chdir", "/"),
    ]


def environment(image: Path) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in read_config(image)["Env"])


class Server:
    def __init__(self, image: Path, data: Path, gallery: Path, log: Path) -> None:
        self._image, self._data, self._log = image, data, log
        config = read_config(image)
        assert config["User"] == "1000:1000"
        command = [*config["Entrypoint"], *config["Cmd"], *PORTS, "--gallery", "/tmp/people"]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*sandboxed(image, data, "--ro-bind", str(gallery), "/tmp/people"), "--as-pid-1", "--", *command],
                env=environment(image),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        ready = until(self._ready, patience=PATIENCE)
        self._port = ready.split(": upload to")[0].rpartition(":")[2]
        self._api_port = ready.split("photos by HTTP at ")[1].split(";")[0].rpartition(":")[2]
        self.s3 = self._client()

    def _ready(self) -> str | None:
        assert self.process.poll() is None, self._log.read_text()
        return next((line for line in self._log.read_text().splitlines() if line.startswith("ready at ")), None)

    def _client(self) -> Any:
        """Has the credentials that the first start has made."""
        found = configparser.ConfigParser()
        found.read_string((self._data / "store.credentials").read_text())
        keys: dict[str, Any] = dict(found["default"])
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self._port}",
            region_name="us-east-1",
            **keys,
            config=Config(proxies={}, retries={"max_attempts": 1}),
        )

    def health(self) -> tuple[int, str]:
        ports = ["--port", self._port, "--api-port", self._api_port]
        command = ["/usr/bin/python3", "-P", "-m", "rollcall.local.health", *ports]
        asked = subprocess.run(
            [*sandboxed(self._image, self._data), "--", *command],
            env=environment(self._image),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return asked.returncode, asked.stdout.strip() + asked.stderr

    def result(self, key: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            try:
                answer = self.s3.get_object(Bucket="rollcall-output", Key=f"{key}.json")
            except self.s3.exceptions.NoSuchKey:
                return None
            parsed: dict[str, Any] = json.loads(answer["Body"].read())
            return parsed

        return until(found, patience=PATIENCE)

    def end(self, number: int) -> int:
        (first,) = psutil.Process(self.process.pid).children()
        first.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def server(image: Path, data: Path, photo: Path, log: Path) -> Iterator[Server]:
    running = None
    try:
        yield (running := Server(image, data, photo.parent.parent, log))
    finally:
        if running is not None:
            running.s3.close()
            running.process.kill()
            running.process.wait()


def test_it_names_a_photo_and_keeps_everything(image: Path, photo: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    content = photo.read_bytes()

    with server(image, data, photo, tmp_path / "first.log") as first:
        secret = (data / "store.credentials").read_text().split()[-1]
        first.s3.put_object(Bucket="rollcall-input", Key="first.png", Body=content)
        answer = first.result("first.png")
        assert [person["name"] for person in answer["people"]] == ["Eileen"]
        assert (data / "rollcall-output" / "first.png.json").is_file()
        assert first.health() == (0, "healthy")
        first.s3.put_object(Bucket="rollcall-input", Key="late.png", Body=content)
        first.end(signal.SIGKILL)
        code, told = first.health()
        assert code == 1
        assert told.startswith("the local AWS does not serve (")

    with server(image, data, photo, tmp_path / "second.log") as second:
        assert [person["name"] for person in second.result("late.png")["people"]] == ["Eileen"]
        assert second.result("first.png") == answer
        assert second.end(signal.SIGTERM) == 0

    logs = [(tmp_path / name).read_text() for name in ("first.log", "second.log")]
    assert not [log for log in logs if secret in log or "Traceback" in log or "not confined" in log]
