"""Writes docker/locks/*.txt: every package of each image with the hashes of all its files, x86_64 and arm64 alike.

python docker/lock.py [NAME…]     in an environment with pip-tools; `make images-lock` prepares one
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
REQUIREMENTS, LOCKS = FOLDER / "requirements", FOLDER / "locks"
FIRST = "common"  # its pins hold for the images, so that they share versions
# openvino imports it to report usage to its makers, and runs without it
LEFT_OUT = ("openvino-telemetry",)
# as the images have them: Debian 12's Python 3.11 and glibc 2.36
MACHINES = ("x86_64", "aarch64")
PYTHON, NEWEST_GLIBC = "3.11", 36
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
        for machine in MACHINES:
            check_wheels(LOCKS / f"{name}.txt", machine)
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


def check_wheels(lock: Path, machine: str) -> None:
    """Ends the program where a pinned package has no wheel for `machine`: its image could not be built there."""
    tags = ["manylinux2014", *(f"manylinux_2_{minor}" for minor in range(17, NEWEST_GLIBC + 1))]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:", f"--python-version={PYTHON}", *(f"--platform={tag}_{machine}" for tag in tags)]
    with tempfile.TemporaryDirectory() as scratch:
        fetched = subprocess.run([*command, f"--dest={scratch}", f"--requirement={lock}"], check=False)
    if fetched.returncode != 0:
        raise SystemExit(f"error: {lock.name} cannot be installed on {machine}: pip says above what lacks a wheel")


def _pins(text: str) -> str:
    """The pins without comments, which name this machine's paths."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
