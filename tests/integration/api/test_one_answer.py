"""One photo, four ways in: the bucket, HTTP, the command and enrollment say the same of it."""

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rollcall.cli.preparation import read_enrollment
from rollcall.contracts.object_keys import result_key
from rollcall.media.photos.photo_pixels import INCOMPLETE
from rollcall.media.refusals import ACCEPTED
from tests.commands import run_here
from tests.integration.api.running_api import RunningApi, running_api
from tests.integration.throwaway import until
from tests.made_photos import bitmap_of, saved, tiff_of

DATA = Path(__file__).parents[4] / "shared" / "data"
CASES = Path(__file__).parents[4] / "shared" / "cases" / "media"
PERSON = "Ann"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data with its photos is not here")


def portrait() -> Image.Image:
    return Image.open(DATA / "detection" / "Tom_Cruise_avp_2014_4.jpg").convert("RGB")


def kinds() -> dict[str, bytes]:
    """Photos by file name, whose ending says nothing."""
    photo = portrait()
    photo.thumbnail((600, 600))
    jpeg = saved(photo, "JPEG")
    return {
        "whole.png": jpeg,
        "no-end-marker.jpg": jpeg[:-2],
        "few-bytes-missing.jpg": jpeg[:-9],
        "half.jpg": jpeg[: len(jpeg) // 2],
        "half-and-zeros.jpg": jpeg[: len(jpeg) // 2] + bytes(len(jpeg) // 2),
        "half.gif": (gif := saved(photo, "GIF"))[: len(gif) // 2],
        "phone.jpg": saved(photo, "HEIF"),
        "web.heic": saved(photo, "AVIF"),
        "scan.heic": saved(photo, "TIFF", compression="tiff_lzw"),
        "old.jpg": saved(photo, "BMP"),
        "still.mp4": gif,
        "animated.webp": saved(photo, "WEBP", save_all=True, append_images=[photo.rotate(9)], quality=50),
    }


def unsupported(name: str, advice: str) -> tuple[str, str]:
    return "unreadable-media", f"This is {name}, which is not supported. {advice}"


EXPORT = "Export the photo as JPEG and upload that."
CONVERT = "Convert it to JPEG and upload that."
NO_PICTURE = "Upload a video or a photo."
REFUSED = {
    "half.jpg": ("truncated-media", INCOMPLETE),
    "half-and-zeros.jpg": ("truncated-media", INCOMPLETE),
    "half.gif": ("truncated-media", INCOMPLETE),
    "in-its-header.webp": ("truncated-media", INCOMPLETE),
    "seven-bytes.png": (
        "truncated-media",
        "The file has only 7 bytes: it is incomplete, or no video or photo. Upload it again from the original.",
    ),
    "empty.jpg": ("empty-file", "The file is empty. Upload it again."),
    "animated.webp": (
        "unreadable-media",
        "This is an animated WebP, which is not supported. Convert it to MP4 and upload that.",
    ),
    "float.tif": unsupported("a TIFF of 32-bit floating-point RGB", EXPORT),
    "masks.bmp": unsupported("a BMP with unusual color masks (16 bits a pixel)", EXPORT),
    "raw.nef": unsupported("a camera's raw photo (NEF)", EXPORT),
    "raw.cr2": unsupported("a camera's raw photo (CR2)", EXPORT),
    "phone.avci": unsupported("a photo in H.264 (AVCI)", CONVERT),
    "old.tga": unsupported("a Targa picture (TGA)", CONVERT),
    "two.ico": unsupported("an icon (ICO or CUR)", CONVERT),
    ".DS_Store": unsupported("a folder's settings that macOS keeps (.DS_Store)", NO_PICTURE),
    "Thumbs.db": unsupported("a list of small pictures that Windows keeps (Thumbs.db)", NO_PICTURE),
    "scan.pdf": unsupported("a PDF document", "Save its pages as JPEG and upload those."),
    "all.zip": unsupported("a ZIP archive", "Unpack it and upload the videos and photos in it."),
    "song.jpg": ("no-video", f"This file holds only sound. {NO_PICTURE}"),
    "desktop.ini": ("unreadable-media", f"This is a text file, not a video or photo. {ACCEPTED}"),
    "noise.jpg": ("unreadable-media", f"This is not a video or photo that can be read. {ACCEPTED}"),
}


def refused_kinds() -> dict[str, bytes]:
    """Not read at all, or only parts of a file; made byte by byte, but for what Pillow writes."""
    photo = portrait().resize((64, 64))
    targa = saved(photo, "TGA")[:-26]  # the first version, which has no signature at its end
    return {
        "in-its-header.webp": saved(photo, "WEBP")[:15],
        "seven-bytes.png": saved(photo, "PNG")[:7],
        "empty.jpg": b"",
        "float.tif": tiff_of([32] * 3, 2, numbers=3),
        "masks.bmp": bitmap_of(16, 3, bytes(512), (0xF000, 0x0F00, 0x00F0)),
        "raw.nef": tiff_of([8] * 3, 2, more=[(254, 4, [1]), (271, 2, b"NIKON CORPORATION\0")]),
        "raw.cr2": b"II*\0\x10\0\0\0CR\x02\0" + bytes(100),
        "phone.avci": b"\0\0\0\x18ftypmif1\0\0\0\0mif1avci" + bytes(100),
        "old.tga": targa,
        "two.ico": saved(photo, "ICO", sizes=[(16, 16), (32, 32)]),
        ".DS_Store": b"\0\0\0\x01Bud1" + bytes(4000),
        "Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000) + "Catalog".encode("utf-16-le"),
        "scan.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(100),
        "all.zip": b"PK\x03\x04" + bytes(26) + b"holiday/1.jpg",
        "song.jpg": b"ID3\x04" + bytes(100),
        "desktop.ini": "[.ShellClassInfo]\r\nIconResource=shell32.dll,4\r\n".encode("utf-16"),
        "noise.jpg": bytes(range(7, 256)) * 2,
    }


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, paths = tmp_path_factory.mktemp("photos"), {}
    for name, photo in (kinds() | refused_kinds()).items():
        paths[name] = folder / name
        paths[name].write_bytes(photo)
    if CASES.is_dir():
        shutil.copy(CASES / "no-eoi.jpg", folder)
        paths["no-eoi.jpg"] = folder / "no-eoi.jpg"
    return paths


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gallery")
    (folder / PERSON).mkdir()
    portrait().save(folder / PERSON / "1.png")
    return folder


@pytest.fixture(scope="module")
def api(gallery: Path, model_dir: Path) -> Iterator[RunningApi]:
    with running_api(read_enrollment([gallery], None, model_dir), model_dir) as running:
        yield running


Told = tuple[str, str]  # code and sentence of a refusal; else an empty code and the name


def by_bucket(api: RunningApi, photos: dict[str, Path]) -> dict[str, Told]:
    session = api.session
    for name, path in photos.items():
        session.s3.put_object(Bucket=session.bucket("input"), Key=name, Body=path.read_bytes())
    return {name: until(partial(told, session, name)) for name in photos}


def told(session: Any, key: str) -> Told | None:
    try:
        answer = session.s3.get_object(Bucket=session.bucket("output"), Key=result_key(key))
    except session.s3.exceptions.NoSuchKey:
        return None
    result = json.loads(answer["Body"].read())
    if result["status"] == "failed":
        return result["error"]["code"], result["error"]["message"]
    return "", ", ".join(person["name"] for person in result["people"]) or "unknown"


def by_http(api: RunningApi, photos: dict[str, Path]) -> dict[str, Told]:
    answers = {name: api.send("/", path.read_bytes(), name=name) for name, path in photos.items()}
    return {
        name: ("", answer.body.decode().rpartition(":")[2])
        if answer.status == 200
        else (answer.json["code"], answer.json["detail"])
        for name, answer in answers.items()
    }


def by_command(gallery: Path, photos: dict[str, Path]) -> dict[str, str]:
    answer = run_here("faces", "--gallery", gallery, *photos.values())
    assert answer.returncode == 1  # some are refused
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    return {Path(line["image"]).name: line.get("error") or line["faces"][0]["name"] for line in lines}


def by_enrollment(api: RunningApi, photos: dict[str, Path]) -> dict[str, Told]:
    """Ten photos at once, the first of which is good; those that are refused are listed with their numbers."""
    good, *others = photos
    found: dict[str, Told] = {}
    for start in range(0, len(others), 9):
        some = [good, *others[start : start + 9]]
        files = [("photo", (name, photos[name].read_bytes(), "application/octet-stream")) for name in some]
        answer = api.ask("POST", f"/v1/people/{PERSON}/photos", fields=files)
        assert answer.status == 200, answer.body
        found |= {some[photo["photo"] - 1]: ("", PERSON) for photo in answer.json["enrolled"]}
        found |= {some[photo["photo"] - 1]: (photo["code"], photo["reason"]) for photo in answer.json["refused"]}
    return found


def test_every_way_says_the_same(api: RunningApi, gallery: Path, photos: dict[str, Path]) -> None:
    stranger = {"no-eoi.jpg": ("", "unknown")} if "no-eoi.jpg" in photos else {}
    expected = {name: REFUSED.get(name, ("", PERSON)) for name in photos} | stranger

    assert by_bucket(api, photos) == expected
    assert by_http(api, photos) == expected
    assert by_command(gallery, photos) == {name: sentence for name, (_, sentence) in expected.items()}
    enrolled = by_enrollment(api, {name: path for name, path in photos.items() if name not in stranger})
    assert enrolled == {name: told for name, told in expected.items() if name not in stranger}
