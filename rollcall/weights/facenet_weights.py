"""The weights of InceptionResnetV1, which no package carries. The user brings the file, or has it fetched."""

import hashlib
import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from rollcall.weights.build_errors import SourceError
from rollcall.weights.build_progress import Progress

FETCH_SECONDS = 60.0  # without a byte
CHUNK = 1024**2


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """One file of a release; `license`: SPDX, of the weights."""

    name: str
    version: str
    file: str
    url: str
    bytes: int
    sha256: str
    license: str


# the digest is that of several public projects which pin this file; facenet-pytorch itself publishes none
VGGFACE2 = WeightsFile(
    name="facenet-pytorch",
    version="2.2.9",
    file="20180402-114759-vggface2.pt",
    url="https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180402-114759-vggface2.pt",
    bytes=111_898_327,
    sha256="281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
    license="LicenseRef-VGGFace2",
)


def read_weights(path: Path, pin: WeightsFile = VGGFACE2) -> bytes:
    """Raises `SourceError` for a file that cannot be read, or is not the pinned one."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size == pin.bytes else b""
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    if size != pin.bytes:
        raise SourceError(f"{path} is not {pin.file}: it has {size} bytes, expected {pin.bytes}")
    digest = hashlib.sha256(content).hexdigest()
    if digest != pin.sha256:
        raise SourceError(f"{path} is not {pin.file}: its SHA-256 is {digest}, expected {pin.sha256}")
    return content


def fetch_weights(folder: Path, *, pin: WeightsFile = VGGFACE2, progress: Progress) -> Path:
    """Downloads the file into `folder`. Raises `SourceError` when it cannot be fetched."""
    path = folder / pin.file
    progress(f"fetching {pin.url}, {pin.bytes // 10**6} MB")
    try:
        with urllib.request.urlopen(pin.url, timeout=FETCH_SECONDS) as answer, path.open("wb") as file:
            for _ in range(pin.bytes // CHUNK + 2):  # a file that is longer is another one anyway
                file.write(answer.read(CHUNK))
    except (OSError, http.client.HTTPException) as error:  # urllib's own errors are OSErrors
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise SourceError(
            f"{pin.url} cannot be fetched ({reason}); fetch it elsewhere and give the file with --facenet-weights"
        ) from error
    return path
