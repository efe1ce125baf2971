"""The same out of S3: range requests, failures on the way, and who is told to be at fault."""

import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from rollcall.contracts.errors import SourceUnavailable, TooSlow, TruncatedMedia
from rollcall.contracts.events import Upload
from rollcall.media.deadline import Deadline
from rollcall.media.range_server import RangeServer
from rollcall.media.s3_object import S3Object
from rollcall.media.videos.decode import Gop, decode
from rollcall.media.videos.ffmpeg import Binaries
from rollcall.media.videos.probe import Limits, probe
from tests.integration.media.made_media import numbered, synthetic

LIMITS = Limits()
UPLOAD = Upload(bucket="acme-input", key="my video%01d ü.mp4", version="v1")


class Store(BaseHTTPRequestHandler):
    """Answers ranges of one body as S3 does, but for what a test tells it to."""

    body = b""
    code: str | None = None  # of the error that it answers with
    fail_after: int | None = None  # bytes of one answer, before the connection is dropped
    reachable: int | None = None  # bytes of the body, before any connection is dropped
    silent_after: int | None = None  # bytes of one answer, before nothing comes any more
    asked: list[str]
    sent = 0
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        kind = type(self)
        kind.asked.append(self.path)
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(kind.body) - 1), len(kind.body) - 1)
        if kind.code is not None or start > end:
            self._refuse(kind.code or "InvalidRange")
            return
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{end}/{len(kind.body)}")
        self.send_header("Content-Length", str(end - start + 1))
        self.end_headers()
        self._send(kind, start, end + 1)

    def _refuse(self, code: str) -> None:
        told = f"<Error><Code>{code}</Code></Error>".encode()
        self.send_response(STATUS[code])
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def _send(self, kind: "type[Store]", start: int, end: int) -> None:
        limits = (kind.reachable, None if kind.fail_after is None else start + kind.fail_after)
        cut = max(start, min([end, *(limit for limit in limits if limit is not None)]))
        self.close_connection = cut < end
        body = kind.body[start:cut]
        try:
            if kind.silent_after is not None and len(body) > kind.silent_after:
                self.wfile.write(body[: kind.silent_after])
                time.sleep(5)
            self.wfile.write(body)
            kind.sent += len(body)
        except OSError:  # the reader has seeked away
            self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass


STATUS = {
    "InvalidRange": 416,
    "AccessDenied": 403,
    "NoSuchVersion": 404,
    "InternalError": 500,
    "SlowDown": 503,
}


@contextmanager
def store(
    body: bytes, *, context: ssl.SSLContext | None = None, **faults: object
) -> Iterator[tuple[S3Object, type[Store]]]:
    kind = type("OneBody", (Store,), {"body": body, "asked": [], **faults})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    s3 = boto3.client(
        "s3",
        endpoint_url=f"{'http' if context is None else 'https'}://127.0.0.1:{server.server_port}",
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
        region_name="eu-west-1",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=0.5, s3={"addressing_style": "path"}),
    )
    try:
        yield S3Object(s3, UPLOAD, sleep=lambda _: None), kind
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        s3.close()


@pytest.mark.parametrize("options", [(), ("-movflags", "+faststart")])
def test_same_as_from_a_file(binaries: Binaries, tmp_path: Path, options: tuple[str, ...]) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", *options, frames=200)
    with store(path.read_bytes()) as (source, _):
        media = probe(source, limits=LIMITS)
        gops = list(decode(source, media, frames_per_second=2.0, limits=LIMITS))
    assert media == probe(str(path), limits=LIMITS)
    assert gops == list(decode(str(path), media, frames_per_second=2.0, limits=LIMITS))


def test_only_what_is_asked_for_is_fetched(binaries: Binaries, tmp_path: Path) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", "-movflags", "+faststart", "-b:v", "80M", "-g", "1", frames=900)
    body = path.read_bytes() + bytes(8)
    padded = body + (8 + 64_000_000).to_bytes(4, "big") + b"free" + bytes(64_000_000)
    with store(padded) as (source, kind):
        media = probe(source, limits=LIMITS)
        assert media.width == 160
        assert kind.sent < len(padded) / 2


def test_a_photo(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "p.png", "-c:v", "png", "-frames:v", "1")
    with store(path.read_bytes()) as (source, _):
        media = probe(source, limits=LIMITS)
        (gop,) = decode(source, media, frames_per_second=2.0, limits=LIMITS)
    assert (gop.width, gop.height) == (320, 180)


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchVersion", "InternalError", "SlowDown"])
def test_a_refused_request_is_no_fault_of_the_media(code: str) -> None:
    with store(b"", code=code) as (source, _), pytest.raises(SourceUnavailable, match=code):
        probe(source, limits=LIMITS)


def test_the_version_is_asked_for(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4")
    with store(path.read_bytes()) as (source, kind):
        probe(source, limits=LIMITS)
    assert set(kind.asked) == {"/acme-input/my%20video%2501d%20%C3%BC.mp4?versionId=v1"}


def test_refused_while_decoding(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4")
    with store(path.read_bytes()) as (source, kind):
        media = probe(source, limits=LIMITS)
        kind.code = "AccessDenied"
        with pytest.raises(SourceUnavailable):
            list(decode(source, media, frames_per_second=2.0, limits=LIMITS))


def test_dropped_connections_are_taken_up_again(binaries: Binaries, tmp_path: Path) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", "-movflags", "+faststart", "-g", "1", "-b:v", "40M", frames=600)
    whole = path.read_bytes()
    media = probe(str(path), limits=LIMITS)
    with store(whole, fail_after=len(whole) // 3) as (source, kind):
        gops = list(decode(source, media, frames_per_second=2.0, limits=LIMITS))
    assert len(kind.asked) > 2
    assert gops == list(decode(str(path), media, frames_per_second=2.0, limits=LIMITS))


def test_a_connection_that_keeps_breaking_is_no_fault_of_the_media(binaries: Binaries, tmp_path: Path) -> None:
    """Nor are pictures handed on that were decoded from what had come until then."""
    path = numbered(binaries, tmp_path / "v.mp4", "-movflags", "+faststart", "-g", "1", "-b:v", "40M", frames=600)
    whole = path.read_bytes()
    media = probe(str(path), limits=LIMITS)
    limits = Limits(max_frames_per_gop=2)
    from_file = list(decode(str(path), media, frames_per_second=2.0, limits=limits))
    gops: list[Gop] = []
    with (
        store(whole, reachable=len(whole) // 2) as (source, _),
        pytest.raises(SourceUnavailable, match="IncompleteRead"),
    ):
        gops.extend(decode(source, media, frames_per_second=2.0, limits=limits))
    assert len(gops) < len(from_file)
    assert [gop.frames for gop in gops] == [gop.frames for gop in from_file[: len(gops)]]


def test_silence_is_no_fault_of_the_media(binaries: Binaries, tmp_path: Path) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", "-movflags", "+faststart", "-b:v", "40M", frames=300)
    media = probe(str(path), limits=LIMITS)
    deadline = Deadline.after(30)
    with (
        store(path.read_bytes(), silent_after=1) as (source, _),
        pytest.raises(SourceUnavailable, match="Timeout"),
    ):
        list(decode(source, media, frames_per_second=2.0, limits=LIMITS, deadline=deadline))


def test_a_truncated_object(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4", "-movflags", "+faststart", seconds=6)
    whole = path.read_bytes()
    with store(whole[: len(whole) // 2]) as (source, _):
        media = probe(source, limits=LIMITS)
        with pytest.raises(TruncatedMedia):
            list(decode(source, media, frames_per_second=2.0, limits=LIMITS))


def test_a_file_cut_in_its_header_is_no_failure_of_the_network(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mkv")
    with store(path.read_bytes()[:370]) as (source, _), pytest.raises(TruncatedMedia, match="its end is missing"):
        probe(source, limits=LIMITS)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command to make a certificate with")
    made = tmp_path / "cert.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files: list[str | Path] = ["-keyout", made.with_name("key.pem"), "-out", made]
    subprocess.run([*request, *names, *files], check=True, capture_output=True)
    return made


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context


def test_an_unknown_server_is_not_trusted(binaries: Binaries, tmp_path: Path, certificate: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4")
    media = probe(str(path), limits=LIMITS)
    with store(path.read_bytes(), context=serving(certificate)) as (source, kind):
        with pytest.raises(SourceUnavailable):
            probe(source, limits=LIMITS)
        with pytest.raises(SourceUnavailable):
            list(decode(source, media, frames_per_second=2.0, limits=LIMITS))
        assert kind.sent == 0


def test_a_known_server_is_read(
    binaries: Binaries, tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with store(path.read_bytes(), context=serving(certificate)) as (source, _):
        media = probe(source, limits=LIMITS)
        gops = list(decode(source, media, frames_per_second=2.0, limits=LIMITS, binaries=binaries))
    assert [gop.times for gop in gops] == [[0.0, 0.5, 1.0, 1.5]]


def test_a_deadline_that_passed_waiting_for_s3_is_no_fault_of_the_media(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4")
    with (
        store(path.read_bytes()) as (source, _),
        pytest.raises(SourceUnavailable, match="came too slowly"),
        source.opened() as opened,
    ):
        assert isinstance(opened, RangeServer)
        opened._waited = 1e6
        raise TooSlow("Reading the file took longer than 1 s.")
