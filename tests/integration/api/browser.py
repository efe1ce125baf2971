"""Debian's Chromium without a window, and a web server for the pages that it opens."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
SECONDS = 60


@dataclass
class PageServer:
    """Serves `files` by path, on every host name; keeps what pages post to `/report`."""

    files: Mapping[str, tuple[str, bytes]]  # content type and content
    port: int = 0
    reports: list[Any] = field(default_factory=list)
    reported: threading.Condition = field(default_factory=threading.Condition)

    def wait_for_report(self) -> Any:
        with self.reported:
            assert self.reported.wait_for(lambda: self.reports, timeout=SECONDS), "the page reported nothing"
            return self.reports.pop()


@contextmanager
def page_server(files: Mapping[str, tuple[str, bytes]]) -> Iterator[PageServer]:
    pages = PageServer(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, content = pages.files.get(self.path.partition("?")[0], ("text/plain", b""))
            self._answer(kind, content)

        def do_POST(self) -> None:
            report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer("text/plain", b"")
            with pages.reported:
                pages.reports.append(report)
                pages.reported.notify_all()

        def _answer(self, kind: str, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        pages.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield pages
        finally:
            server.shutdown()
            thread.join()


def command(profile: Path, *arguments: str) -> list[str]:
    """`*.test` is this machine, as DNS answers may say."""
    assert CHROMIUM is not None
    return [
        CHROMIUM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--host-resolver-rules=MAP *.test 127.0.0.1, MAP *.localhost 127.0.0.1",
        f"--user-data-dir={profile}",
        *arguments,
    ]


@contextmanager
def opened(url: str, profile: Path) -> Iterator[None]:
    process = subprocess.Popen(command(profile, url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def shown(url: str, profile: Path) -> str:
    """The page as the browser shows it when somebody types its address."""
    done = subprocess.run(
        command(profile, "--dump-dom", url), capture_output=True, text=True, timeout=SECONDS, check=True
    )
    return done.stdout
