"""Reads files out of packages of an index: pip fetches them, and their pins, names and sizes are checked."""

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import IO

from rollcall.weights.build_errors import SourceError


def download(pins: Path, folder: Path, *, options: Sequence[str] = ()) -> None:
    """Put the packages of `pins`, a requirements file with hashes, into `folder`; `options` are pip's.

    Raises `SourceError` when one cannot be fetched or does not match its pin.
    """
    # pip runs a source distribution's setup.py to learn its name, after it has checked the hash: only pinned code runs
    command = [sys.executable, "-m", "pip", "download", "--require-hashes", "--no-deps", "--no-input", *options]
    command += ["--disable-pip-version-check", "--quiet", "--dest", str(folder), "--requirement", str(pins)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SourceError(
            f"the packages cannot be fetched; check the network and pip's settings (pip: {_reason(result.stderr)})"
        )


def _reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["no reason given"])[-1]


def read_members(archive: Path, names: Collection[str], *, most_bytes: int) -> dict[str, bytes]:
    """The content of each of the named members of a wheel or a source distribution.

    Raises `SourceError` when one is missing or larger than `most_bytes`.
    """
    read = _read_zip if zipfile.is_zipfile(archive) else _read_tar
    contents = read(archive, set(names), most_bytes)
    if missing := set(names) - set(contents):
        raise SourceError(f"{archive.name} lacks {', '.join(sorted(missing))}")
    return contents


def _read_tar(archive: Path, names: set[str], most_bytes: int) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    with tarfile.open(archive, "r|gz") as members:
        for member in members:
            stream = members.extractfile(member) if member.name in names and member.isreg() else None
            if stream is not None:
                contents[member.name] = _read(stream, member.size, member.name, most_bytes)
    return contents


def _read_zip(archive: Path, names: set[str], most_bytes: int) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as members:
        found = [member for member in members.infolist() if member.filename in names]
        return {
            member.filename: _read(members.open(member), member.file_size, member.filename, most_bytes)
            for member in found
        }


def _read(stream: IO[bytes], size: int, name: str, most_bytes: int) -> bytes:
    if size > most_bytes:
        raise SourceError(f"{name} unpacks to {size} bytes; at most {most_bytes} are expected")
    with stream:
        return stream.read(size)
