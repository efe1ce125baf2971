"""Writes docker/locks/*.txt: every package of each image with the hashes of all its files, x86_64 and arm64 alike.

python docker/lock.py [NAME…]     in an environment with pip-tools; `make images-lock` prepares one
"""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
REQUIREMENTS, LOCKS = FOLDER / "requirements", FOLDER / "locks"
FIRST = "common"  # its pins hold for the images, so that they share versions
# openvino imports it to report usage to its makers, and runs without it
LEFT_OUT = ("openvino-telemetry",)
HEADER = "# Made by `make images-lock` from docker/requirements/{name}.in; do not edit.\n"
OPTIONS = (
    *("--quiet", "--upgrade", "--generate-hashes", "--strip-extras", "--no-header", "--annotation-style=line"),
    # where this machine finds packages is nobody else's business
    *("--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host", "--no-emit-options"),
)


def main(names: list[str]) -> int:
    known = [FIRST, *sorted({path.stem for path in REQUIREMENTS.glob("*.in")} - {FIRST})]
    if unknown := set(names) - set(known):
        print(f"error: no requirements named {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return 2
    LOCKS.mkdir(exist_ok=True)
    for name in names or known:
        compile_lock(name)
    return 0


def compile_lock(name: str) -> None:
    lock = LOCKS / f"{name}.txt"
    command = [sys.executable, "-m", "piptools", "compile", *OPTIONS, f"--output-file={lock}"]
    command += [f"--unsafe-package={package}" for package in LEFT_OUT]
    if name != FIRST:
        command.append(f"--constraint={LOCKS / FIRST}.txt")
    # relative paths: they are quoted in the lock
    subprocess.run([*command, str(REQUIREMENTS / f"{name}.in")], check=True, env=os.environ | {"PIP_FIND_LINKS": ""})
    lock.write_text(HEADER.format(name=name) + _pins(lock.read_text()))


def _pins(text: str) -> str:
    """Without the comments, which name this machine's paths."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
