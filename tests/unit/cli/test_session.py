"""What `up` and `run` refuse before they start anything."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from rollcall.cli.commands.up import own_origins
from rollcall.cli.parser import build_parser
from rollcall.cli.session import settings_from
from rollcall.contracts.usage_error import UsageError
from rollcall.local import api_server
from rollcall.local.api_server import ApiFailed, ApiServer, listen_for_api
from rollcall.pipeline.settings import Settings


@pytest.mark.parametrize(
    "arguments",
    [
        ["--input-bucket", "acme", "--output-bucket", "acme"],
        ["--stage-1-bucket", "acme", "--output-bucket", "acme"],
        ["--prefix", "acme", "--input-bucket", "acme-output"],
    ],
)
def test_one_bucket_for_two_purposes_is_refused(arguments: Sequence[str]) -> None:
    with pytest.raises(UsageError, match="three different buckets"):
        settings_from(build_parser().parse_args(["up", *arguments]))


def test_buckets_of_ones_own_names_are_taken() -> None:
    options = build_parser().parse_args(["up", "--prefix", "acme", "--input-bucket", "uploads"])

    assert settings_from(options).bucket_names == {
        "input": "uploads",
        "stage-1": "acme-stage-1",
        "output": "acme-output",
    }


def test_an_api_that_is_late_is_told_of_with_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(api_server, "START_SECONDS", 0.0)
    api = ApiServer(Settings(), listener=listen_for_api(0), endpoint_url="http://127.0.0.1:9", model_dir=tmp_path)

    with pytest.raises(ApiFailed, match=r"no answer within 0 s; try again"), api:
        pass


def test_forms_come_from_pages_of_the_port_that_was_given(tmp_path: Path) -> None:
    with listen_for_api(0) as listener:
        origins = own_origins(listener)

    port = int(origins[0].rpartition(":")[2])
    assert port > 0
    assert origins == [f"http://127.0.0.1:{port}", f"http://localhost:{port}"]
