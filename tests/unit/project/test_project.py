"""What stands in two files, because tools ask for it there, is the same in both."""

import re
import tomllib
from pathlib import Path

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
