"""The real clips through `rollcall run`, as a user types it: each one's person, their record, and nobody else.

python -m tests.e2e.clips ../shared/data
"""

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> int:
    data = Path(sys.argv[1])
    if not (data / "videos").is_dir():
        print(f"{data}/videos is not here: the end-to-end run over the real clips is left out")
        return 0
    with tempfile.TemporaryDirectory() as out:
        run(data, Path(out))
        expected = json.loads((data / "videos" / "expected.json").read_text())
        wrong = [problem for clip, person in sorted(expected.items()) for problem in check(Path(out), clip, person)]
    print(*(wrong or [f"{len(expected)} clips, each with its person and record and no other name"]), sep="\n")
    print(f"{len(expected) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


def run(data: Path, out: Path) -> None:
    clips = sorted(str(clip) for clip in (data / "videos").glob("*.mp4"))
    rollcall = Path(sys.executable).with_name("rollcall")
    gallery, people = data / "gallery" / "embeddings.json", data / "gallery" / "people.json"
    subprocess.run(
        [rollcall, "run", *clips, "--gallery", gallery, "--people", people, "--out", out], check=True, timeout=600
    )


def check(out: Path, clip: str, expected: dict[str, str]) -> list[str]:
    result = json.loads((out / f"{clip}.json").read_text())
    with (out / f"{clip}.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["name"].startswith("unknown-")]
    named = [person["name"] for person in result["people"]]
    if named != [expected["person"]] or [row["name"] for row in rows] != named:
        return [f"{clip}: {expected['person']} expected, JSON says {named}, CSV {[row['name'] for row in rows]}"]
    fields = ("major", "year")
    in_json = {field: (result["people"][0]["record"] or {}).get(field) for field in fields}
    in_csv = {field: rows[0].get(field) for field in fields}
    right = {field: expected[field] for field in fields}
    return [] if in_json == in_csv == right else [f"{clip}: record {right} expected, JSON {in_json}, CSV {in_csv}"]


if __name__ == "__main__":
    sys.exit(main())
