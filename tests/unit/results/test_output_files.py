"""The table of output files holds together, and the docs list what is in it."""

import itertools
from pathlib import Path

import pytest

from rollcall.contracts.object_keys import crop_key
from rollcall.results.output_files import CROPS, OUTPUT_FILES, RESULT, OutputFile, stored

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_no_ending_is_the_end_of_another() -> None:
    """Else the outputs of two uploads could have one key: `a.json.csv` is the CSV of `a.json`, and would be of `a`."""
    endings = [file.key("") for file in OUTPUT_FILES if file.per == "upload"]
    assert all(not one.endswith(other) for one, other in itertools.permutations(endings, 2))


def test_the_json_comes_first_and_a_result_makes_each() -> None:
    assert next(stored()) is RESULT
    assert all(file.render is not None for file in stored())


@pytest.mark.parametrize("file", OUTPUT_FILES, ids=lambda file: file.label)
def test_the_docs_tell_of_each(file: OutputFile) -> None:
    assert f"`{file.key('holiday.mp4')}`" in (DOCS / "run.md").read_text()
    if file.made_by == "pipeline":
        assert f"`{file.name}`" in (DOCS / "jobs.md").read_text()


@pytest.mark.parametrize("file", OUTPUT_FILES, ids=lambda file: file.label)
def test_its_name_in_the_docs_is_its_key(file: OutputFile) -> None:
    key = file.key("a/b.mp4") if file is not CROPS else crop_key("a/b.mp4", "<person>", 1)
    name = file.name.replace("<input key without its ending>", "a/b").replace("<input key>", "a/b.mp4")
    assert key == name.replace("<n>", "1")
