"""What stands in two files, because tools ask for it there, is the same in both."""

import importlib.metadata
import re
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3

import rollcall
from rollcall.cli.deployment import Deployment

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_a_commit_is_checked_by_what_ci_checks_first() -> None:
    assert re.findall(r"entry: (.+)", (ROOT / ".pre-commit-config.yaml").read_text()) == ["make check"]
    commands = re.findall(r"^\S.+", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert [command for command in commands if command.startswith("make ")][0] == "make check"


def test_the_workflow_runs_the_gate_and_nothing_else_and_may_only_read() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()

    assert re.findall(r"- run: (.+)", workflow) == [".ci/run"]
    assert re.findall(r"^permissions:\n((?: +.+\n)+)", workflow, re.MULTILINE) == ["  contents: read\n"]
    used = re.findall(r"uses: (\S+)", workflow)
    assert used and all(re.search(r"@v\d+\.\d+\.\d+$", action) for action in used), used


def test_every_file_names_one_home_of_the_project() -> None:
    home = PROJECT["urls"]["Homepage"]
    files = ["mkdocs.yml", "CHANGELOG.md", ".github/ISSUE_TEMPLATE/config.yml", "pyproject.toml"]

    for file in files:
        named = set(re.findall(r"https://github\.com/rollcall[^/]*/[\w.-]+", (ROOT / file).read_text()))
        assert named == {home}, file


def test_every_guide_is_in_the_sites_contents() -> None:
    contents = set(re.findall(r"- ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))

    assert contents == {page.name for page in (ROOT / "docs").glob("*.md")}


def test_one_version_is_in_the_package_and_in_the_user_agent_of_commands() -> None:
    assert importlib.metadata.version("rollcall") == rollcall.__version__
    assert "version" not in PROJECT

    with ExitStack() as ending:
        names = {"input": "a", "stage-1": "b", "output": "c"}
        session = boto3.Session("key", "secret", region_name="eu-west-1")
        deployment = Deployment(prefix="a", buckets=names, session=session, ending=ending)  # type: ignore[arg-type]
        clients: list[Any] = [deployment.s3, deployment.sqs, deployment.table("people").meta.client]
        for client in clients:
            assert client.meta.config.user_agent.endswith(f"rollcall/{rollcall.__version__}")


def test_every_file_that_the_page_on_architecture_names_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`([\w*/-]+\.(?:py|json|txt)|docker/Dockerfile)`", page)

    assert len(named) > 20
    missing = [path for path in named if not any([*ROOT.glob(path), *(ROOT / "rollcall").glob(path)])]
    assert missing == []
