"""`rollcall up` in a process of its own, and what it says."""

import json
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import psutil

from tests.integration.throwaway import until

COMMAND = [sys.executable, "-m", "rollcall", "up", "--port", "0", "--api-port", "0", "--prefix", "lives"]


class Up:
    def __init__(self, *options: str | Path) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        ready = self.wait_for("ready at ")
        self.api = ready.split("photos by HTTP at ")[1].split(";")[0]
        keys: dict[str, Any] = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
        self.url = url = ready.split("ready at ")[1].split(": ")[0]
        self.s3 = boto3.client("s3", endpoint_url=url, **keys)
        self.dynamodb = boto3.client("dynamodb", endpoint_url=url, **keys)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self.lines.append(line.rstrip("\n"))

    def wait_for(self, start: str) -> str:
        until(lambda: self.told(start) or self.process.poll() is not None, patience=150)
        return next(line for line in self.lines if line.startswith(start))

    def told(self, start: str) -> bool:
        return any(line.startswith(start) for line in self.lines)

    def kill(self, module: str) -> None:
        until(lambda: bool(self._running(module)))
        self._running(module)[0].kill()

    def kill_all(self) -> None:
        """The whole tree at once, as when the machine ends."""
        host = psutil.Process(self.process.pid)
        for process in [host, *host.children(recursive=True)]:
            with suppress(psutil.Error):
                process.kill()
        self.process.wait()

    def _running(self, module: str) -> list[psutil.Process]:
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if module in process.cmdline():
                    found.append(process)
        return found

    def upload(self, key: str, photo: bytes) -> None:
        self.s3.put_object(Bucket="lives-input", Key=key, Body=photo)

    def people(self, key: str) -> list[str]:
        """Names in the result of an upload, none while there is no result."""
        try:
            result = json.load(self.s3.get_object(Bucket="lives-output", Key=f"{key}.json")["Body"])
        except self.s3.exceptions.NoSuchKey:
            return []
        return [person["name"] for person in result["people"]]

    def post(self, photo: Path) -> str:
        form = ["-F", f"inputFile=@{photo}"]
        return subprocess.run(["curl", "-s", *form, f"{self.api}/"], capture_output=True, text=True, check=True).stdout

    def close(self) -> None:
        self.s3.close()
        self.dynamodb.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self._reader.join()
