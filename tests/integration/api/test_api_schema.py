"""schemathesis against the running API, by its own OpenAPI document."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from rollcall import __version__
from tests.integration.api.running_api import RunningApi

pytest.importorskip("schemathesis", reason="schemathesis is a development tool; pip install -e '.[dev]' brings it")
# a schema can say that a body is bytes, but not that they are a photo
NOT_FOR_PHOTOS = "positive_data_acceptance"


def test_the_api_keeps_to_its_openapi_document(api: RunningApi) -> None:
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{api.server.url}/openapi.json"]
    command += ["--exclude-checks", NOT_FOR_PHOTOS, "--phases", "coverage,fuzzing", "--max-examples", "10"]
    command += ["--seed", "1", "--request-timeout", "60", "--no-color"]

    run = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)

    assert run.returncode == 0, run.stdout[-6000:]


def test_the_document_has_the_version_of_the_package(api: RunningApi) -> None:
    with urllib.request.urlopen(f"{api.server.url}/openapi.json", timeout=30) as answer:
        assert json.load(answer)["info"]["version"] == __version__
