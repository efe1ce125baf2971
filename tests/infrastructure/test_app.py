"""The app as the CDK command runs it."""

import importlib
import importlib.metadata
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from infra.node import pinned_command
from tests.infrastructure.conftest import DEFAULTS

ROOT = Path(__file__).resolve().parents[2]


def run(context: dict[str, Any], output: Path) -> subprocess.CompletedProcess[str]:
    """Runs with nothing on the PATH: neither Node nor anything else of the machine is needed."""
    environment = {"PATH": "", "CDK_OUTDIR": str(output), "CDK_CONTEXT_JSON": json.dumps(context)}
    proxied = {name: value for name, value in os.environ.items() if name == "HOME"}
    return subprocess.run(
        [sys.executable, *command()[1:]],
        cwd=ROOT,
        env=environment | proxied,
        capture_output=True,
        text=True,
        check=False,
    )


def command() -> list[str]:
    return shlex.split(json.loads((ROOT / "cdk.json").read_text())["app"])


def test_it_synthesizes_offline_and_without_a_word(tmp_path: Path) -> None:
    finished = run(DEFAULTS, tmp_path)

    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    assert (tmp_path / "Rollcall.template.json").is_file()


def test_bad_settings_are_lines_and_not_a_traceback(tmp_path: Path) -> None:
    finished = run(DEFAULTS | {"max_concurrency": 0}, tmp_path)

    assert finished.returncode == 2
    assert "max_concurrency = 0: " in finished.stderr
    assert "Traceback" not in finished.stderr


def test_the_library_and_the_command_are_pinned_and_fit_together() -> None:
    needed = importlib.import_module("aws_cdk.cloud_assembly_schema").Manifest.cli_version()
    requirements = (ROOT / "infra" / "requirements.txt").read_text()

    (pinned_library,) = re.findall(r"^aws-cdk-lib==([0-9.]+)$", requirements, re.MULTILINE)
    assert importlib.metadata.version("aws-cdk-lib") == pinned_library
    assert _numbers(needed) <= _numbers(pinned_command().partition("@")[2]) < (3,)


def test_no_document_names_another_version_of_the_command() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        assert set(re.findall(r"aws-cdk@[^ `]+", document.read_text())) <= {pinned_command()}, document


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
