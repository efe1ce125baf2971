"""`make deploy` says what a newcomer lacks before anything is sent."""

import io
import json
import platform
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra import cdk, preflight
from tests.infrastructure.conftest import ACCOUNT, REGION

IMAGES = ["image_repository=rollcall", "image_tag=1.4.0"]
UNASKED = ["--approve", "never"]
pytestmark = pytest.mark.usefixtures("nobody_signed_in")


def test_without_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    assert cdk.main(["deploy", *IMAGES]) == 2
    assert capsys.readouterr().err.startswith("There are no AWS credentials. Sign in (`aws configure`")


def test_without_a_region(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    assert cdk.main(["deploy", *IMAGES]) == 2
    assert capsys.readouterr().err.startswith("There is no AWS region. Set AWS_REGION")


@pytest.mark.usefixtures("signed_in")
def test_in_an_account_that_is_not_bootstrapped(capsys: pytest.CaptureFixture[str]) -> None:
    assert cdk.main(["deploy", *IMAGES, *UNASKED]) == 2
    assert "Run `make bootstrap` once" in capsys.readouterr().err


@pytest.fixture
def bootstrapped(signed_in: None, aws: Callable[[str], Any]) -> Iterator[None]:
    aws("ssm").put_parameter(Name=preflight.BOOTSTRAP, Value="25", Type="String")
    yield
    aws("ssm").delete_parameter(Name=preflight.BOOTSTRAP)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The CDK commands that would have been started, each with the region that it would have used."""
    commands: list[list[str]] = []

    def run(command: list[str], *, env: dict[str, str], **options: Any) -> subprocess.CompletedProcess[str]:
        commands.append([*command, env["AWS_REGION"]])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(cdk, "subprocess", type("Subprocess", (), {"run": staticmethod(run)}))
    return commands


@pytest.fixture
def refusing(signed_in: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS, where it comes to parameters: nobody may read them."""

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"__type": "AccessDeniedException", "message": "not authorized: ssm:GetParameter"})
            self.send_response(400)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", f"http://127.0.0.1:{server.server_port}")
        yield
        server.shutdown()


@pytest.mark.usefixtures("refusing")
def test_whoever_may_not_read_the_bootstrap_goes_on_with_a_note(
    started: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cdk.main(["deploy", *IMAGES, *UNASKED]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"note: you may not read {preflight.BOOTSTRAP}, so whether `make bootstrap` has run")
    assert len(started) == 1


@pytest.mark.usefixtures("bootstrapped")
@pytest.mark.parametrize("choice", [[], ["--approve", "broadening"]])
def test_without_a_terminal_and_without_approval(
    choice: list[str], started: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cdk.main(["deploy", *IMAGES, *choice]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("There is no terminal to ask on before permissions change. Set APPROVE=never")
    assert started == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("bootstrapped")
def test_on_a_terminal_the_cdk_command_asks(started: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout"):
        monkeypatch.setattr(sys, name, Terminal())

    assert cdk.main(["deploy", *IMAGES]) == 0
    assert "--require-approval" not in started[0]


@pytest.mark.usefixtures("bootstrapped")
def test_what_is_chosen_reaches_the_cdk_command(started: list[list[str]]) -> None:
    assert cdk.main(["deploy", *IMAGES, *UNASKED, "--adopt"]) == 0

    (command,) = started
    assert command[3].startswith("aws-cdk@2.")
    assert command[-4:] == ["--require-approval", "never", "--import-existing-resources", REGION]


@pytest.mark.usefixtures("bootstrapped", "started")
@pytest.mark.parametrize(
    ("settings", "command"),
    [
        ([], "make smoke"),
        (["prefix=acme"], "make smoke PREFIX=acme"),
        (["prefix=acme", "input_bucket=acme-uploads"], "make smoke STACK=acme"),
        (["output_bucket=acme-results"], "make smoke STACK=rollcall"),
    ],
)
def test_in_the_end_the_command_that_proves_it_is_told(
    settings: list[str], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cdk.main(["deploy", *IMAGES, *settings, *UNASKED]) == 0

    assert capsys.readouterr().out.splitlines()[-1].endswith(f": {command}")


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2", "AWS_PROFILE": "work"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2", "AWS_PROFILE": "work"}, "eu-west-2"),
        ({"AWS_REGION": "", "AWS_PROFILE": "work"}, "eu-west-3"),
    ],
)
def test_the_region_is_the_variables_before_the_profiles(
    variables: dict[str, str], region: str, started: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[profile work]\nregion = eu-west-3\n")
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = a\naws_secret_access_key = b\n")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert cdk.main(["bootstrap"]) == 0
    assert started[0][-1] == region


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes a builder with Docker's command line of a shell script; `$*` is what it is asked."""

    def make(script: str) -> Path:
        program = tmp_path / "builder"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("CDK_DOCKER", str(program))
        monkeypatch.delenv("DOCKER_BUILDKIT", raising=False)
        return program

    return make


@pytest.mark.usefixtures("bootstrapped")
def test_without_docker_when_images_are_to_be_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CDK_DOCKER", "no-such-builder")

    assert cdk.main(["deploy", *UNASKED]) == 2
    assert capsys.readouterr().err.startswith("no-such-builder is missing, and the functions' images are built with it")


ENGINE_STOPPED = 'echo "Cannot connect to the daemon" >&2; exit 1'
# the words of Docker 20.10, of Docker 23 without its plugin, and of a builder with another trouble
WITHOUT_BUILDKIT = "the --mount option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn"
WITHOUT_BUILDX = "ERROR: BuildKit is enabled but the buildx component is missing or broken."


@pytest.mark.usefixtures("bootstrapped")
@pytest.mark.parametrize(
    ("script", "variables", "told"),
    [
        (ENGINE_STOPPED, {}, "cannot build here: Cannot connect to the daemon. Start its engine."),
        (
            f'[ "$1" = info ] || {{ echo "{WITHOUT_BUILDKIT}" >&2; exit 1; }}',
            {},
            "builds without BuildKit here, and docker/Dockerfile needs it. Install Docker 23",
        ),
        (
            f'[ "$1" = info ] || {{ echo "{WITHOUT_BUILDKIT}" >&2; exit 1; }}',
            {"DOCKER_BUILDKIT": "0"},
            "builds without BuildKit here, and docker/Dockerfile needs it. DOCKER_BUILDKIT=0 switches it off",
        ),
        (
            f'[ "$1" = info ] || {{ echo "{WITHOUT_BUILDX}" >&2; exit 1; }}',
            {},
            "builds without BuildKit here, and docker/Dockerfile needs it. Install Docker's buildx plugin",
        ),
        ('[ "$1" = info ] || { echo "no space left" >&2; exit 1; }', {}, "cannot build here: no space left"),
    ],
)
def test_with_a_builder_that_cannot_build(
    script: str,
    variables: dict[str, str],
    told: str,
    builder: Callable[[str], Path],
    request: pytest.FixtureRequest,
) -> None:
    capsys, monkeypatch = request.getfixturevalue("capsys"), request.getfixturevalue("monkeypatch")
    program = builder(script)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert cdk.main(["deploy", *UNASKED]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{program} {told}")
    assert "CDK_DOCKER names another builder" in line


@pytest.mark.usefixtures("bootstrapped")
@pytest.mark.parametrize(
    ("engine", "architecture", "told"),
    [
        ("aarch64", "x86_64", "builds x86_64 images on arm64 by emulation"),
        ("x86_64", "arm64", "builds arm64 images on x86_64 by emulation"),
        ("aarch64", "arm64", ""),
        ("amd64", "x86_64", ""),
        ("'<no value>'", preflight.ARCHITECTURES[platform.machine()], ""),  # what buildah answers
    ],
)
def test_building_for_another_processor_is_warned_of(
    engine: str, architecture: str, told: str, builder: Callable[[str], Path], request: pytest.FixtureRequest
) -> None:
    capsys, started = request.getfixturevalue("capsys"), request.getfixturevalue("started")
    program = builder(f'[ "$2" != --format ] || echo {engine}')

    assert cdk.main(["deploy", f"architecture={architecture}", *UNASKED]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in lines] == ([f"note: {program} {told}"] if told else [])
    assert len(started) == 1


@pytest.mark.usefixtures("signed_in")
def test_with_a_key_of_another_region(capsys: pytest.CaptureFixture[str]) -> None:
    key = f"arn:aws:kms:eu-north-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"

    assert cdk.main(["deploy", f"kms_key_arn={key}", *IMAGES]) == 2
    assert f"is in eu-north-1, and the deployment in {REGION}" in capsys.readouterr().err


def test_what_the_cdk_itself_refuses_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "cdk.json").write_text('{"context": {}}')
    (tmp_path / "cdk.out").write_text("a file where a folder has to be")
    monkeypatch.setattr(cdk, "ROOT", tmp_path)

    assert cdk.main(["synth", *IMAGES]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("The CDK refuses: ")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("prefix", "prefix: give settings as name=value"),
        ("max_concurrency=1", "max_concurrency = '1': "),
        ("Prefix=acme", "Prefix: no such setting, did you mean prefix?"),
        ("frames-per-second=1", "frames-per-second: no such setting, did you mean frames_per_second?"),
        ("alarmEmail=ops@example.org", "alarmEmail: no such setting, did you mean alarm_email?"),
        ("@aws-cdk/core:zoom=1", "@aws-cdk/core:zoom: no such setting, there are prefix, "),
    ],
)
def test_with_a_bad_setting(setting: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cdk.main(["deploy", setting]) == 2
    assert capsys.readouterr().err.startswith(message)
