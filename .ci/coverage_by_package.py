"""Prints what share of each package's lines the unit tests run, for `make coverage`.

python .ci/coverage_by_package.py COVERAGE.json
"""

import json
import sys
from collections import Counter
from pathlib import Path


def main() -> None:
    files = json.loads(Path(sys.argv[1]).read_text())["files"]
    lines: Counter[str] = Counter()
    run: Counter[str] = Counter()
    for name, file in files.items():
        for package in (_package(Path(name)), "all"):
            lines[package] += file["summary"]["num_statements"]
            run[package] += file["summary"]["covered_lines"]
    print(f"{'package':24}{'lines':>8}{'run':>8}{'share':>9}")
    for package in sorted(lines, key=lambda name: (name == "all", name)):
        print(f"{package:24}{lines[package]:>8}{run[package]:>8}{run[package] / max(1, lines[package]):>9.1%}")


def _package(path: Path) -> str:
    """`rollcall/media/videos/probe.py` is in `rollcall.media`."""
    return ".".join(path.parts[:-1][:2])


if __name__ == "__main__":
    main()
