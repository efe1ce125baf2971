"""The same through presigned URLs: range requests, failures on the way, and nothing of a URL in what is said."""

import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from functions.common.errors import MediaError, RollcallError, SourceUnavailable, TruncatedMedia
from functions.video_split import inputs
from functions.video_split.decode import decode
from functions.video_split.ffmpeg import Binaries, find, system_binaries, wheel_binaries
from functions.video_split.probe import Limits, probe
from tests.integration.made_media import numbered, synthetic

LIMITS = Limits()
SIGNATURE = "X-Amz-Signature=0123secret"


class Store(BaseHTTPRequestHandler):
    """Serves one body as S3 does; `fail_after` bytes of one answer it drops the connection, or answers `status`."""

    body = b""
    status: int | None = None
    fail_after: int | None = None
    sent = 0
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind = type(self)
        if kind.status is not None:
            self.send_error(kind.status)
            return
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(kind.body) - 1), len(kind.body) - 1)
        self.send_response(206)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Range", f"bytes {start}-{end}/{len(kind.body)}")
        self.send_header("Content-Length", str(end - start + 1))
        self.end_headers()
        self._send(kind, kind.body[start : end + 1])

    def _send(self, kind: "type[Store]", body: bytes) -> None:
        if kind.fail_after is not None and len(body) > kind.fail_after:
            body = body[: kind.fail_after]
            self.close_connection = True
        try:
            self.wfile.write(body)
            kind.sent += len(body)
        except OSError:  # the reader has seeked away
            self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def store(body: bytes, *, context: ssl.SSLContext | None = None, **faults: int) -> Iterator[tuple[str, type[Store]]]:
    kind = type("OneBody", (Store,), {"body": body, **faults})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    scheme = "http" if context is None else "https"
    try:
        yield f"{scheme}://127.0.0.1:{server.server_port}/bucket/my%20video%2501d.mp4?{SIGNATURE}", kind
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def binaries() -> Binaries:
    return find()


@pytest.mark.parametrize("options", [(), ("-movflags", "+faststart")])
def test_same_as_from_a_file(binaries: Binaries, tmp_path: Path, options: tuple[str, ...]) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", *options, frames=200)
    with store(path.read_bytes()) as (url, _):
        media = probe(url, limits=LIMITS)
        gops = list(decode(url, media, frames_per_second=2.0, limits=LIMITS))
    assert media == probe(str(path), limits=LIMITS)
    assert gops == list(decode(str(path), media, frames_per_second=2.0, limits=LIMITS))


def test_only_what_is_asked_for_is_fetched(binaries: Binaries, tmp_path: Path) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", "-movflags", "+faststart", "-b:v", "80M", "-g", "1", frames=900)
    body = path.read_bytes() + bytes(8)
    padded = body + (8 + 64_000_000).to_bytes(4, "big") + b"free" + bytes(64_000_000)
    with store(padded) as (url, kind):
        media = probe(url, limits=LIMITS)
        assert media.width == 160
        assert kind.sent < len(padded) / 2


def test_a_photo(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "p.png", "-c:v", "png", "-frames:v", "1")
    with store(path.read_bytes()) as (url, _):
        media = probe(url, limits=LIMITS)
        (gop,) = decode(url, media, frames_per_second=2.0, limits=LIMITS)
    assert (gop.width, gop.height) == (320, 180)


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_refused_request_is_no_fault_of_the_media(status: int) -> None:
    with store(b"", status=status) as (url, _), pytest.raises(SourceUnavailable) as failed:
        probe(url, limits=LIMITS)
    assert not isinstance(failed.value, MediaError)
    assert_nothing_leaks(failed.value)


def test_refused_while_decoding(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4")
    with store(path.read_bytes()) as (url, kind):
        media = probe(url, limits=LIMITS)
        kind.status = 403
        with pytest.raises(SourceUnavailable) as failed:
            list(decode(url, media, frames_per_second=2.0, limits=LIMITS))
    assert_nothing_leaks(failed.value)


def test_dropped_connections_are_taken_up_again(binaries: Binaries, tmp_path: Path) -> None:
    path = numbered(binaries, tmp_path / "v.mp4", "-movflags", "+faststart", "-g", "1", "-b:v", "40M", frames=600)
    whole = path.read_bytes()
    media = probe(str(path), limits=LIMITS)
    with store(whole, fail_after=len(whole) // 2) as (url, _):
        gops = list(decode(url, media, frames_per_second=2.0, limits=LIMITS))
    assert gops == list(decode(str(path), media, frames_per_second=2.0, limits=LIMITS))


def test_a_truncated_object(binaries: Binaries, tmp_path: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4", "-movflags", "+faststart", seconds=6)
    whole = path.read_bytes()
    with store(whole[: len(whole) // 2]) as (url, _):
        media = probe(url, limits=LIMITS)
        with pytest.raises(TruncatedMedia) as failed:
            list(decode(url, media, frames_per_second=2.0, limits=LIMITS))
    assert_nothing_leaks(failed.value)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command to make a certificate with")
    made = tmp_path / "cert.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", made.with_name("key.pem"), "-out", made]
    subprocess.run([*request, *names], check=True, capture_output=True)
    return made


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context


def test_an_unknown_server_is_not_trusted(binaries: Binaries, tmp_path: Path, certificate: Path) -> None:
    path = synthetic(binaries, tmp_path / "v.mp4")
    media = probe(str(path), limits=LIMITS)
    with store(path.read_bytes(), context=serving(certificate)) as (url, kind):
        with pytest.raises(SourceUnavailable):
            probe(url, limits=LIMITS)
        with pytest.raises(SourceUnavailable):
            list(decode(url, media, frames_per_second=2.0, limits=LIMITS))
        assert kind.sent == 0


@pytest.mark.parametrize("found", [system_binaries, wheel_binaries])
def test_a_known_server_is_read(
    found: Callable[[], Binaries | None], tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries = found()
    if binaries is None:
        pytest.skip("this ffmpeg is not installed")
    path = synthetic(binaries, tmp_path / "v.mp4")
    media = probe(str(path), limits=LIMITS)
    monkeypatch.setattr(inputs, "get_cert_path", lambda verify: str(certificate))
    with store(path.read_bytes(), context=serving(certificate)) as (url, _):
        gops = list(decode(url, media, frames_per_second=2.0, limits=LIMITS, binaries=binaries))
    assert [gop.times for gop in gops] == [[0.0, 0.5, 1.0, 1.5]]


def assert_nothing_leaks(error: RollcallError) -> None:
    told = " ".join([str(error), repr(error), *getattr(error, "__notes__", ())])
    assert "secret" not in told and "127.0.0.1" not in told
    assert error.__cause__ is None
