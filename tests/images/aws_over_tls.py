"""The local AWS under AWS's own host names, over HTTPS, with the refusals that only those bring.

A server of the test stands before the local cloud, on port 443 of a loopback address of its own. Clients find it by an
`/etc/hosts`; they have no endpoint URL. What AWS does and moto does not:

- A request needs a right signature of version 4, for the region, with the session's token, not older than 15 minutes.
- S3's global host sends callers of a bucket in another region on to that region's host, with 307.
- Each bucket has a host of its own, which a wildcard certificate names as far as the bucket's name has no dot.
"""

import http.client
import random
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from rollcall.local.lambda_host.launch import InImage, Start
from rollcall.local.lambda_host.process_environment import ACCESS_KEY, SECRET_KEY
from rollcall.pipeline.description import Function
from tests.images.api import Answer
from tests.images.certificates import make_certificates
from tests.images.signatures import Caller, NotSigned, Request, require_signature

REGION = "eu-west-1"
CALLER = Caller(access_key=ACCESS_KEY, secret_key=SECRET_KEY, token="token-of-the-role", region=REGION)
DOMAIN = f"{REGION}.amazonaws.com"
API_HOST = f"x.execute-api.{DOMAIN}"
GLOBAL_S3 = "s3.amazonaws.com"
SERVICES = ("cloudformation", "dynamodb", "events", "s3", "sqs", "sts")
CERTIFIED = (
    *(f"{service}.{DOMAIN}" for service in SERVICES),
    *(f"*.s3.{DOMAIN}", GLOBAL_S3, f"*.{GLOBAL_S3}", f"*.execute-api.{DOMAIN}"),
)
PORT = 443
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}
PYTHON_PACKAGES = "/usr/local/lib/python3.11/dist-packages"
TRUST_STORE = f"{PYTHON_PACKAGES}/botocore/cacert.pem"  # of every client in an image

Api = Callable[[Request, bool], Answer]  # whether an IAM principal has signed it


def cannot_listen() -> str | None:
    """Why this user cannot have port 443, if so."""
    try:
        _listen().close()
    except PermissionError:
        return f"port {PORT} is for root alone: sudo sysctl net.ipv4.ip_unprivileged_port_start={PORT}, or run as root"
    return None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request that came: its host, and why it was refused, if it was."""

    host: str
    method: str
    refusal: str | None


class AwsOverTls:
    """Inside the context requests are answered at `address`, once it is told what to `forward_to`."""

    def __init__(self, *, buckets: Sequence[str], folder: Path) -> None:
        self.seen: list[Seen] = []
        self.api: Api | None = None
        self._upstream = ""
        self._ready = threading.Event()
        self._certificates = make_certificates(folder, CERTIFIED)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificates.leaf)
        self._server = _Server(_listen(), context, self._answer)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.address = str(self._server.server_address[0])
        self.hosts = folder / "hosts"
        self.hosts.write_text("".join(f"{self.address} {host}\n" for host in _names(buckets)))
        self.resolver = folder / "resolv.conf"
        self.resolver.write_text(f"nameserver {self.address}\n")  # nobody answers there: no name leads off this machine

    @property
    def authority(self) -> Path:
        return self._certificates.authority

    @property
    def refusals(self) -> list[str]:
        return [f"{seen.method} {seen.host}: {seen.refusal}" for seen in self.seen if seen.refusal]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ready.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def forward_to(self, endpoint_url: str) -> None:
        self._upstream = urlsplit(endpoint_url).netloc
        self._ready.set()

    def _answer(self, request: Request) -> "_Answer":
        self._ready.wait()
        host = request.headers["host"]
        refusal, answer = None, None
        if host == GLOBAL_S3 or host.endswith(f".{GLOBAL_S3}"):
            refusal, answer = "307 TemporaryRedirect", _redirect(host, request.target)
        elif host == API_HOST:
            answer = self._ask_api(request)
        else:
            try:
                require_signature(request, CALLER)
            except NotSigned as wrong:
                refusal, answer = str(wrong), _refuse(403, wrong.code, str(wrong))
        self.seen.append(Seen(host=host, method=request.method, refusal=refusal))
        return answer or _forward(request, self._upstream)

    def _ask_api(self, request: Request) -> "_Answer":
        if self.api is None:
            return _refuse(404, "NotFound", "there is no API")
        try:
            signed = require_signature(request, CALLER) == "execute-api"
        except NotSigned:
            signed = False
        answer = self.api(request, signed)
        return _Answer(answer.status, {}, answer.body)


@dataclass(frozen=True, kw_only=True)
class InImageOverTls:
    """Starts workers in their images, with AWS's host names and `trust` in the place of the image's own trust store."""

    images: Path
    aws: AwsOverTls
    trust: Path

    def __call__(self, function: Function, environment: Mapping[str, str], scratch: Path) -> Start:
        start = InImage(self.images)(function, environment, scratch)
        given = {name: value for name, value in start.environment.items() if name != "AWS_ENDPOINT_URL"}
        at = list(start.command).index("--chdir")
        binds = self._binds(self.images / function.component / "root")
        return Start(
            command=[*start.command[:at], *binds, *start.command[at:]],
            environment=given | {"AWS_SESSION_TOKEN": CALLER.token},
            folder=start.folder,
        )

    def _binds(self, root: Path) -> list[str]:
        """Lambda puts its own files into /etc, where the image, which is not written to, has none."""
        own = [("--ro-bind", str(path.absolute()), f"/etc/{path.name}") for path in sorted((root / "etc").iterdir())]
        lambdas = [("--ro-bind", str(self.aws.hosts), "/etc/hosts")]
        lambdas += [("--ro-bind", str(self.aws.resolver), "/etc/resolv.conf")]
        trust = [("--ro-bind", str(self.trust), TRUST_STORE)]
        binds = [part for bind in (*own, *lambdas, *trust) for part in bind]
        return ["--tmpfs", "/etc", *binds, "--remount-ro", "/etc"]


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, context: ssl.SSLContext, answer: Callable[[Request], _Answer]) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_activate()
        self.answer = answer
        self._context = context

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        # the handshake is for the connection's own thread
        wrapped = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return wrapped, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust this server, or has gone, is none of this server's errors."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _handle(self) -> None:
        request = Request(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._read_body(),
        )
        answer = self.server.answer(request)
        self.send_response(answer.status)
        length = answer.headers.get("Content-Length") if self.command == "HEAD" else None
        for name, value in answer.headers.items():
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_POST = do_PUT = _handle

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return b"".join(chunks)

    def log_message(self, *_: object) -> None:
        """Nobody reads a log; `AwsOverTls.seen` tells what came."""


def _forward(request: Request, upstream: str) -> _Answer:
    connection = http.client.HTTPConnection(upstream, timeout=60)
    try:
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            if name not in HOP:
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body)
        answer = connection.getresponse()
        return _Answer(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


def _redirect(host: str, target: str) -> _Answer:
    """S3's answer until the whole world knows where a bucket is; its Location keeps path and query."""
    bucket = host.removesuffix(GLOBAL_S3)
    refused = _refuse(307, "TemporaryRedirect", "Please re-send this request to the specified temporary endpoint.")
    return _Answer(307, {"Location": f"https://{bucket}s3.{DOMAIN}{target}"}, refused.body)


def _refuse(status: int, code: str, message: str) -> _Answer:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return _Answer(status, {"Content-Type": "application/xml"}, body.encode())


def _names(buckets: Sequence[str]) -> list[str]:
    services = [f"{service}.{DOMAIN}" for service in SERVICES]
    hosts = [f"{bucket}.{s3}" for bucket in buckets for s3 in (f"s3.{DOMAIN}", GLOBAL_S3)]
    return [*services, GLOBAL_S3, API_HOST, *hosts]


def _listen() -> socket.socket:
    """On an address of 127.0.0.0/8 that nobody else has this port on."""
    while True:
        address = ".".join(["127", *(str(random.randint(1, 254)) for _ in range(3))])
        listener = socket.socket()
        try:
            listener.bind((address, PORT))
        except BaseException as error:
            listener.close()
            if not isinstance(error, OSError) or isinstance(error, PermissionError):
                raise
        else:
            return listener
