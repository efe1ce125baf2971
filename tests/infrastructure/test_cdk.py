"""`make deploy` and `make destroy` say what a newcomer lacks before anything is sent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra import cdk
from infra.rehearsal import Clients, create
from infra.template import Template
from tests.infrastructure.conftest import PLACE, REGION, Synthesize

IMAGES = ["image_repository=rollcall", "image_tag=1.4.0"]


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine where nobody has signed in to AWS."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def _signed_in(monkeypatch: pytest.MonkeyPatch, aws: Callable[[str], Any]) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws("s3").meta.endpoint_url)


def test_without_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    assert cdk.main(["deploy", *IMAGES]) == 2
    assert capsys.readouterr().err.startswith("There are no AWS credentials. Sign in (`aws configure`")


def test_without_a_region(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    assert cdk.main(["deploy", *IMAGES]) == 2
    assert capsys.readouterr().err.startswith("There is no AWS region. Set AWS_REGION")


@pytest.mark.usefixtures("_signed_in")
def test_in_an_account_that_is_not_bootstrapped(capsys: pytest.CaptureFixture[str]) -> None:
    assert cdk.main(["deploy", *IMAGES]) == 2
    assert "Run `make bootstrap` once" in capsys.readouterr().err


@pytest.mark.usefixtures("_signed_in")
def test_without_docker_when_images_are_to_be_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], aws: Callable[[str], Any]
) -> None:
    aws("ssm").put_parameter(Name=cdk.BOOTSTRAP, Value="25", Type="String")
    monkeypatch.setenv("CDK_DOCKER", "no-such-builder")

    assert cdk.main(["deploy"]) == 2
    aws("ssm").delete_parameter(Name=cdk.BOOTSTRAP)
    assert capsys.readouterr().err.startswith("no-such-builder is missing, and the functions' images are built with it")


@pytest.mark.parametrize(
    ("setting", "message"),
    [("prefix", "prefix: give settings as name=value"), ("max_concurrency=1", "max_concurrency = '1': ")],
)
def test_with_a_bad_setting(setting: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cdk.main(["deploy", setting]) == 2
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.usefixtures("_signed_in")
def test_destroying_what_was_never_deployed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cdk.main(["destroy", "prefix=nothing-here"]) == 2
    assert "nothing-here" in capsys.readouterr().err


@pytest.mark.usefixtures("_signed_in")
def test_nothing_is_deleted_without_a_yes(
    synthesize: Synthesize,
    aws: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = ["prefix=doomed", "removal_policy=destroy", *IMAGES]
    document, _ = synthesize(dict(setting.split("=") for setting in settings))
    clients = Clients(cloudformation=aws("cloudformation"), s3=aws("s3"), dynamodb=aws("dynamodb"))
    create("doomed", document, Template(document, PLACE), clients)
    aws("s3").put_object(Bucket="doomed-input", Key="dear.mp4", Body=b"frames")
    monkeypatch.setattr("builtins.input", lambda _: "y")

    assert cdk.main(["destroy", *settings]) == 1
    assert "all that is in doomed-input, doomed-stage-1, doomed-output" in capsys.readouterr().out
    assert aws("s3").get_object(Bucket="doomed-input", Key="dear.mp4")["Body"].read() == b"frames"
