"""The demo's photos: members of two packages that pip fetches, checked against their pins, kept in a cache folder."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rollcall.weights.packages import download, read_members

MAX_PHOTO_BYTES = 16 * 1024**2


@dataclass(frozen=True, kw_only=True)
class PhotoPackage:
    requirement: str  # name and version
    sha256: str
    archive: str  # file name of the distribution
    options: tuple[str, ...]  # that make pip choose this distribution on every machine
    photos: dict[str, str]  # our name: member of the archive


_TEST_IMAGES = "face_recognition-1.3.0/tests/test_images"
PACKAGES = (
    PhotoPackage(
        requirement="face_recognition==1.3.0",
        sha256="5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
        archive="face_recognition-1.3.0.tar.gz",
        options=("--no-binary", "face_recognition"),  # its wheel has no photos
        photos={name: f"{_TEST_IMAGES}/{name}" for name in ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg")},
    ),
    PhotoPackage(
        requirement="scikit-image==0.25.2",
        sha256="24cc986e1f4187a12aa319f777b36008764e856e5013666a4a83f8df083c2641",
        archive="scikit_image-0.25.2-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        # a wheel for one platform does for all of them: nothing in it is run
        options=(
            *("--only-binary", ":all:", "--platform", "manylinux2014_x86_64"),
            *("--python-version", "311", "--implementation", "cp", "--abi", "cp311"),
        ),
        photos={"astronaut.png": "skimage/data/astronaut.png"},
    ),
)


def cache_folder(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "rollcall" / "demo"


def ensure_photos(folder: Path, *, progress: Callable[[str], None]) -> Path:
    """The folder with every photo; fetches them first if one is missing."""
    if all((folder / name).is_file() for package in PACKAGES for name in package.photos):
        return folder
    progress("fetching the demo's photos: face_recognition and scikit-image, 18 MB")
    folder.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as scratch:
            for name, photo in _fetch(package, Path(scratch)).items():
                partial = Path(scratch) / name
                partial.write_bytes(photo)
                partial.replace(folder / name)
    return folder


def _fetch(package: PhotoPackage, scratch: Path) -> dict[str, bytes]:
    pins = scratch / "requirements.txt"
    pins.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
    download(pins, scratch, options=package.options)
    members = read_members(scratch / package.archive, package.photos.values(), most_bytes=MAX_PHOTO_BYTES)
    return {name: members[member] for name, member in package.photos.items()}
