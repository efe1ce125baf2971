"""These run where the CDK is installed (`make test-infra`); elsewhere they are not even collected."""

import importlib
import importlib.util
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.template import Place, Template
from tests.moto_server import moto_command

REGION = "eu-west-1"
ACCOUNT = "123456789012"  # moto's
PLACE = Place(account=ACCOUNT, region=REGION)
DEFAULT_PREFIX = f"rollcall-{ACCOUNT}-{REGION}"

# images from elsewhere: those built here take a Dockerfile and all that it copies
DEFAULTS = {"image_repository": "rollcall", "image_tag": "1.4.0"}
# everything is something other than the default
BESPOKE: dict[str, Any] = {
    "prefix": "acme",
    "input_bucket": "uploads-of-acme",
    "stage_1_bucket": "packs-of-acme",
    "output_bucket": "results-of-acme",
    "frames_per_second": "1.5",
    "min_face": "24",
    "threshold": "0.5",
    "max_duration": "7200",
    "max_bytes": "1000000000",
    "tracks": "all",
    "max_stored_bytes": "2000000000",
    "max_recognitions": "20000",
    "max_concurrency": "50",
    "video_split_memory": "3072",
    "face_recognition_memory": "1769",
    "lookup_memory": "512",
    "architecture": "arm64",
    "input_days": "0",
    "output_days": "30",
    "log_days": "731",
    "removal_policy": "destroy",
    "alarm_email": "ops@example.org",
    "kms_key_arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "kms_former_key_arns": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0fedcba9-12ab-34cd-56ef-1234567890ab",
    "vpc_id": "vpc-0123456789abcdef0",
    "subnet_ids": "subnet-0123456789abcdef0,subnet-0fedcba9876543210",
    "image_repository": "rollcall",
    "image_tag": "1.4.0",
}

WITH_API = DEFAULTS | {"api": "lambda"}
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
# the API as containers: open to the world, or inside a given network
OPEN = DEFAULTS | {"api": "container", "api_certificate_arn": CERTIFICATE, "api_domain": "faces.example.org"}
INTERNAL = BESPOKE | {"api": "container", "compute": "fargate"}
SIGNED = WITH_API | {"api_auth": "iam", "api_cors_origins": "https://a.example, https://b.example"}
# the heavy stage on workers, in a network of their own; with FARGATE_BESPOKE in a given one
FARGATE = DEFAULTS | {"compute": "fargate", "max_concurrency": "20"}
FARGATE_BESPOKE = BESPOKE | {"compute": "fargate", "capacity": "spot"}

INSTALLED = importlib.util.find_spec("aws_cdk") is not None
collect_ignore_glob = [] if INSTALLED else ["test_*.py"]

if INSTALLED:
    from infra.node import use_packaged_node

    use_packaged_node()

Synthesize = Callable[..., "tuple[dict[str, Any], Path]"]


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """The template as a document, and the folder that it was written to."""
    build = importlib.import_module("infra.synthesis").synthesize

    def run(context: dict[str, Any], **options: Any) -> tuple[dict[str, Any], Path]:
        assembly = build(context, output=tmp_path_factory.mktemp("cdk"), **options)
        (stack,) = assembly.stacks
        return json.loads(Path(stack.template_full_path).read_text()), Path(assembly.directory)

    return run


@pytest.fixture(scope="session")
def default_document(synthesize: Synthesize) -> dict[str, Any]:
    return synthesize(DEFAULTS)[0]


@pytest.fixture(scope="session")
def default_template(default_document: dict[str, Any]) -> Template:
    return Template(default_document, PLACE)


@pytest.fixture(scope="session")
def api_template(synthesize: Synthesize) -> Template:
    return Template(synthesize(WITH_API)[0], PLACE)


@pytest.fixture(scope="session")
def signed_template(synthesize: Synthesize) -> Template:
    return Template(synthesize(SIGNED)[0], PLACE)


@pytest.fixture(scope="session")
def open_template(synthesize: Synthesize) -> Template:
    return Template(synthesize(OPEN)[0], PLACE)


@pytest.fixture(scope="session")
def internal_template(synthesize: Synthesize) -> Template:
    return Template(synthesize(INTERNAL)[0], PLACE)


@pytest.fixture(scope="session")
def bespoke_template(synthesize: Synthesize) -> Template:
    return Template(synthesize(BESPOKE)[0], PLACE)


@pytest.fixture(scope="session")
def fargate_template(synthesize: Synthesize) -> Template:
    return Template(synthesize(FARGATE)[0], PLACE)


@pytest.fixture(scope="session")
def fargate_bespoke_template(synthesize: Synthesize) -> Template:
    return Template(synthesize(FARGATE_BESPOKE)[0], PLACE)


@pytest.fixture(params=["defaults", "bespoke"])
def template(request: pytest.FixtureRequest, default_template: Template, bespoke_template: Template) -> Template:
    """For what holds whatever the settings are."""
    return default_template if request.param == "defaults" else bespoke_template


EVERY = ("default", "bespoke", "api", "signed", "open", "internal", "fargate", "fargate_bespoke")


@pytest.fixture(params=EVERY)
def any_template(request: pytest.FixtureRequest) -> Template:
    """For what holds for every kind of deployment."""
    template: Template = request.getfixturevalue(f"{request.param}_template")
    return template


@contextmanager
def moto_server() -> Iterator[str]:
    """The address of one, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        server = subprocess.Popen(moto_command(Path(sys.executable))([listener]), pass_fds=[listener.fileno()])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.kill()
            server.wait()


@pytest.fixture(scope="session")
def aws() -> Iterator[Callable[[str], Any]]:
    """Clients of a moto server of one's own."""
    with moto_server() as url:
        session: Any = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        yield lambda service: session.client(service, endpoint_url=url)


@pytest.fixture
def nobody_signed_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine where nobody has signed in to AWS."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def signed_in(nobody_signed_in: None, monkeypatch: pytest.MonkeyPatch, aws: Callable[[str], Any]) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws("s3").meta.endpoint_url)
