"""The HTTP API as `rollcall up` runs it, and a client without retries or redirects."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from rollcall.cli.preparation import Enrollment
from rollcall.cli.session import Session, open_session
from rollcall.local.api_server import ApiServer, listen_for_api
from rollcall.pipeline.settings import Settings

SETTINGS = Settings(prefix="test-api", max_concurrency=2)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class RunningApi:
    session: Session
    server: ApiServer
    pool: urllib3.PoolManager

    def ask(self, method: str, path: str, **request: Any) -> Answer:
        answer = self.pool.request(
            method, f"{self.server.url}{path}", retries=False, timeout=urllib3.Timeout(total=60), **request
        )
        return Answer(answer.status, answer.headers, answer.data)

    def send(self, path: str, photo: bytes, name: str = "photo.jpg", field: str = "inputFile") -> Answer:
        return self.ask("POST", path, fields={field: (name, photo, "application/octet-stream")})


@contextmanager
def running_api(
    enrollment: Enrollment, model_dir: Path, settings: Settings = SETTINGS, *, log_dir: Path | None = None
) -> Iterator[RunningApi]:
    with (
        open_session(settings, enrollment, port=0, model_dir=model_dir, log_dir=log_dir) as session,
        ApiServer(
            settings, listener=listen_for_api(0), endpoint_url=session.cloud.endpoint_url, model_dir=model_dir
        ) as server,
        urllib3.PoolManager(maxsize=32, block=True) as pool,
    ):
        yield RunningApi(session, server, pool)
