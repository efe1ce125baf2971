"""A running store, how clients are told of it, and how their programs are run."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import boto3
import pytest
from botocore.config import Config

from rollcall.local.aws import AwsServer, StoreCommand
from rollcall.local.lambda_host.guard import Guard
from rollcall.local.store.credentials import Credentials, load_or_create
from tests.images.certificates import make_certificates

PROJECT = Path(__file__).parents[2]
CLIENTS = PROJECT / ".venv-clients"  # made by `make clients-test`
PROGRAMS = Path(__file__).parent / "programs"
PATIENCE = 200  # seconds: only a failing test waits so long
REGION = "us-east-1"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    url: str
    credentials: Credentials
    authority: Path | None  # that signed the certificate; None: there is no TLS

    @property
    def address(self) -> str:
        """Host and port."""
        return self.url.partition("://")[2]

    def client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self.credentials.access_key,
            aws_secret_access_key=self.credentials.secret_key,
            verify=None if self.authority is None else str(self.authority),
            config=Config(proxies={}, signature_version="s3v4" if service == "s3" else None),
        )

    def environment(self, home: Path) -> dict[str, str]:
        """Everything that any of the clients reads."""
        told = {
            "PATH": f"{CLIENTS / 'bin'}:{os.environ['PATH']}",
            "NODE_PATH": str(CLIENTS / "node_modules"),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "NO_PROXY": "*",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if self.authority is None:
            return told
        variables = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE")
        return told | dict.fromkeys(variables, str(self.authority))


@contextmanager
def running_endpoint(folder: Path, *, others: bool) -> Iterator[Endpoint]:
    """The store in its process. `others`: as other machines reach it, by TLS and with its own credentials."""
    data, options, authority = folder / "data", [], None
    credentials = Credentials(access_key="any", secret_key="thing-at-all")
    if others:
        made = make_certificates(folder, ["localhost"])
        options, authority = ["--certificate", str(made.leaf)], made.authority
        credentials = load_or_create(data)
    with closing(Guard()) as guard:
        command = StoreCommand(folder=data, options=options)
        host = "0.0.0.0" if others else "127.0.0.1"
        with AwsServer(command=command, host=host, port=0, log_file=folder / "aws.log", guard=guard) as server:
            server.wait_until_serving()
            url = f"https://localhost:{server.port}" if others else server.endpoint_url
            yield Endpoint(url=url, credentials=credentials, authority=authority)
    assert (folder / "aws.log").read_text() == ""  # no failure


class Client:
    """A client's program; the test is skipped where it is not installed."""

    def __init__(self, program: str, endpoint: Endpoint, home: Path, *, without: str | None = None) -> None:
        """`without`: a variable that is not to be set."""
        self._environment = {name: value for name, value in endpoint.environment(home).items() if name != without}
        self._home = home
        found = shutil.which(program, path=self._environment["PATH"])
        if found is None:
            missing(f"{program} is not installed")
        self._program = found

    def __call__(self, *arguments: str | Path, fails: bool = False) -> str:
        """What it prints."""
        command = [self._program, *map(str, arguments)]
        done = subprocess.run(
            command,
            env=self._environment,
            cwd=self._home,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
        )
        assert (done.returncode != 0) == fails, f"{command} ended with {done.returncode}:\n{_text(done)}"
        return done.stdout.decode(errors="surrogateescape")


def missing(what: str) -> NoReturn:
    """Skips the test, or fails it where every client has to be there."""
    if os.environ.get("ROLLCALL_CLIENTS") == "all":
        pytest.fail(what)
    pytest.skip(f"{what}: `make clients-test` installs clients from PyPI and npm, apt has rclone")


def _text(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stdout[-2000:] + done.stderr[-4000:]).decode(errors="replace")
