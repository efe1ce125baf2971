"""The table of output files. Publishing, forgetting, deleting, announcing and local folders follow it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from rollcall.contracts.object_keys import crops_prefix, names_key, output_key, result_key
from rollcall.results.result import Result
from rollcall.results.result_files import to_csv, to_names, to_vtt

# How many there are: one for each upload, one for uploads of one stem, or one for each call of a command.
# There may be several for each person of an upload.
Per = Literal["upload", "stem", "person", "command"]


@dataclass(frozen=True, kw_only=True)
class OutputFile:
    label: str
    name: str  # as the docs write it
    content_type: str
    made_by: Literal["pipeline", "run"]  # what `rollcall run` makes is on this machine alone
    holds_names: bool
    per: Per
    key: Callable[[str], str]  # by the upload's key; the beginning of the keys if there are several
    render: Callable[[Result], str] | None = None  # needed where `stored` gives it

    def body(self, result: Result) -> bytes:
        assert self.render is not None
        return self.render(result).encode()


def _json(result: Result) -> str:
    return result.model_dump_json(indent=2)


def _beside(ending: str) -> Callable[[str], str]:
    return lambda key: output_key(key, ending)


RESULT = OutputFile(
    label="JSON",
    name="<input key>.json",
    content_type="application/json",
    made_by="pipeline",
    holds_names=True,
    per="upload",
    key=result_key,
    render=_json,
)
NAMES = OutputFile(
    label="names",
    name="<input key without its ending>.txt",
    content_type="text/plain; charset=utf-8",
    made_by="pipeline",
    holds_names=True,
    per="stem",
    key=names_key,
    render=to_names,
)
CROPS = OutputFile(
    label="face crops",
    name="<input key>/faces/<person>-<n>.jpg",
    content_type="image/jpeg",
    made_by="pipeline",
    holds_names=True,  # in their keys
    per="person",
    key=crops_prefix,
)
CSV = OutputFile(
    label="CSV",
    name="<input key>.csv",
    content_type="text/csv; charset=utf-8",
    made_by="pipeline",
    holds_names=True,
    per="upload",
    key=_beside(".csv"),
    render=to_csv,
)
VTT = OutputFile(
    label="WebVTT",
    name="<input key>.vtt",
    content_type="text/vtt; charset=utf-8",
    made_by="pipeline",
    holds_names=True,
    per="upload",
    key=_beside(".vtt"),
    render=to_vtt,
)
CONTACT_SHEET = OutputFile(
    label="contact sheet",
    name="<input key>.contact-sheet.png",
    content_type="image/png",
    made_by="run",
    holds_names=True,
    per="upload",
    key=_beside(".contact-sheet.png"),
)
REPORT = OutputFile(
    label="report",
    name="report.html",
    content_type="text/html; charset=utf-8",
    made_by="run",
    holds_names=True,
    per="command",
    key=lambda _: "report.html",
)
OUTPUT_FILES: tuple[OutputFile, ...] = (RESULT, CSV, VTT, NAMES, CROPS, CONTACT_SHEET, REPORT)


def stored() -> Iterator[OutputFile]:
    """Each upload's own files in the output bucket, the JSON first; crops are not among them."""
    return (file for file in OUTPUT_FILES if file.made_by == "pipeline" and file.per == "upload")


def stored_keys(key: str) -> list[str]:
    return [file.key(key) for file in stored()]


def beside_json() -> Iterator[OutputFile]:
    """What a result is written as in the bucket, without its JSON."""
    return (file for file in stored() if file is not RESULT)


def local_keys(key: str) -> list[str]:
    """The keys of one upload's own files in a folder on this machine, without its crops."""
    return [file.key(key) for file in OUTPUT_FILES if file.per == "upload"]
