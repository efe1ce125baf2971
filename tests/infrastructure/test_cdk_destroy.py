"""`make destroy` deletes nothing before the stack's name was given, and says what goes and what stays."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from infra import cdk, teardown
from infra.rehearsal import Clients, create
from infra.template import Template
from tests.infrastructure.conftest import DEFAULTS, PLACE, Synthesize

IMAGES = ["image_repository=rollcall", "image_tag=1.4.0"]
pytestmark = pytest.mark.usefixtures("signed_in")


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


def test_a_protected_stack_is_told_of_and_unprotected_only_after_the_name(
    synthesize: Synthesize, aws: Callable[[str], Any], request: pytest.FixtureRequest
) -> None:
    capsys, monkeypatch = request.getfixturevalue("capsys"), request.getfixturevalue("monkeypatch")
    document, _ = synthesize(DEFAULTS | {"prefix": "kept"})
    clients = Clients(cloudformation=aws("cloudformation"), s3=aws("s3"), dynamodb=aws("dynamodb"))
    create("kept", document, Template(document, PLACE), clients, protected=True)
    done: list[str] = []
    # moto has no such call
    monkeypatch.setattr(teardown, "give_up_protection", lambda stack, _: done.append(f"{stack} unprotected"))

    def finish(action: str, *_: object) -> int:
        done.append(action)
        return 0

    monkeypatch.setattr(cdk, "_cdk", finish)

    assert cdk.main(["destroy", "prefix=kept", *IMAGES, "--confirm", "no"]) == 1
    assert done == []
    assert cdk.main(["destroy", "prefix=kept", *IMAGES, "--confirm", "kept"]) == 0
    assert done == ["kept unprotected", "destroy"]
    told = capsys.readouterr().out
    assert "all that is in kept-stage-1.\n" in told
    assert "These stay, with all that is in them: kept-input, kept-output, kept-people, kept-faces.\n" in told
    assert "The stack is protected from deletion; whoever goes on lifts that.\n" in told


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
