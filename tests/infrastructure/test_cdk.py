"""`make deploy` and `make destroy` say what a newcomer lacks before anything is sent."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra import cdk
from infra.rehearsal import Clients, create
from infra.template import Template
from tests.infrastructure.conftest import ACCOUNT, PLACE, REGION, Synthesize

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


@pytest.mark.usefixtures("_signed_in")
def test_with_a_docker_whose_engine_does_not_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], aws: Callable[[str], Any], tmp_path: Path
) -> None:
    builder = tmp_path / "builder"
    builder.write_text('#!/bin/sh\n[ "$*" = info ] || exit 0\necho "Cannot connect to the daemon" >&2\nexit 1\n')
    builder.chmod(0o755)
    aws("ssm").put_parameter(Name=cdk.BOOTSTRAP, Value="25", Type="String")
    monkeypatch.setenv("CDK_DOCKER", str(builder))

    assert cdk.main(["deploy"]) == 2
    aws("ssm").delete_parameter(Name=cdk.BOOTSTRAP)
    assert capsys.readouterr().err.startswith(f"{builder} cannot build here: Cannot connect to the daemon\n")


@pytest.mark.usefixtures("_signed_in")
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


@pytest.mark.usefixtures("_signed_in")
def test_destroying_what_was_never_deployed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cdk.main(["destroy", "prefix=nothing-here"]) == 2
    assert "nothing-here" in capsys.readouterr().err


@pytest.fixture
def doomed(synthesize: Synthesize, aws: Callable[[str], Any]) -> list[str]:
    """A stack with something in its bucket; the settings that it was deployed with."""
    settings = ["prefix=doomed", "removal_policy=destroy", *IMAGES]
    if not aws("s3").list_buckets(Prefix="doomed-")["Buckets"]:
        document, _ = synthesize(dict(setting.split("=") for setting in settings))
        clients = Clients(cloudformation=aws("cloudformation"), s3=aws("s3"), dynamodb=aws("dynamodb"))
        create("doomed", document, Template(document, PLACE), clients)
    aws("s3").put_object(Bucket="doomed-input", Key="dear.mp4", Body=b"frames")
    return settings


@pytest.mark.usefixtures("_signed_in")
@pytest.mark.parametrize(
    ("typed", "confirmed", "told"),
    [
        ("y\n", [], "nothing was deleted: the stack's name was not given"),
        ("", [], "nothing was deleted: nobody is there to be asked (CONFIRM=doomed goes on without)"),
        ("doomed\n", ["--confirm", "boomed"], "nothing was deleted: the stack's name was not given"),
    ],
)
def test_nothing_is_deleted_without_a_yes(
    typed: str, confirmed: list[str], told: str, doomed: list[str], request: pytest.FixtureRequest
) -> None:
    capsys, s3 = request.getfixturevalue("capsys"), request.getfixturevalue("aws")("s3")
    request.getfixturevalue("monkeypatch").setattr("sys.stdin", io.StringIO(typed))

    assert cdk.main(["destroy", *doomed, *confirmed]) == 1
    output = capsys.readouterr()
    assert "all that is in doomed-input, doomed-stage-1, doomed-output" in output.out
    assert output.out.endswith(f"{told}\n")
    assert output.err == ""
    assert s3.get_object(Bucket="doomed-input", Key="dear.mp4")["Body"].read() == b"frames"


@pytest.mark.usefixtures("_signed_in")
def test_with_the_stacks_name_functions_are_stopped_and_buckets_emptied_before_it_goes(
    doomed: list[str], aws: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for mapping in aws("lambda").list_event_source_mappings()["EventSourceMappings"]:
        aws("lambda").update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    states: list[str] = []

    def seen(*command: Any, **_: Any) -> int:
        listed = aws("lambda").list_event_source_mappings()["EventSourceMappings"]
        states.extend(mapping["State"] for mapping in listed if "doomed" in mapping["FunctionArn"])
        assert (command[0], command[-1]) == ("destroy", "--force")
        return 0

    monkeypatch.setattr(cdk, "_cdk", seen)

    assert cdk.main(["destroy", *doomed, "--confirm", "doomed"]) == 0
    assert states == ["Disabled"] * 3
    assert "Versions" not in aws("s3").list_object_versions(Bucket="doomed-input")
