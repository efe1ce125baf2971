"""One photo, four ways in: the bucket, HTTP, the command and enrollment say the same of it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from functions.common.keys import result_key
from local.preparation import prepare_model_files, read_enrolment
from tests.integration.running_api import RunningApi, running_api
from tests.integration.throwaway import until
from tests.made_photos import saved

DATA = Path(__file__).parents[3] / "shared" / "data"
CASES = Path(__file__).parents[3] / "shared" / "cases" / "media"
PERSON = "Ann"
INCOMPLETE = "The photo is incomplete: its end is missing. Upload it again from the original."

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data with its photos is not here")


def portrait() -> Image.Image:
    return Image.open(DATA / "detection" / "Tom_Cruise_avp_2014_4.jpg").convert("RGB")


def kinds() -> dict[str, bytes]:
    """By file name, whose ending says nothing."""
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


REFUSED = {
    "half.jpg": INCOMPLETE,
    "half-and-zeros.jpg": INCOMPLETE,
    "half.gif": INCOMPLETE,
    "animated.webp": "This is an animated WebP, which is not supported. Convert it to MP4 and upload that.",
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, paths = tmp_path_factory.mktemp("photos"), {}
    for name, photo in kinds().items():
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
def api(gallery: Path) -> Iterator[RunningApi]:
    model_dir = prepare_model_files()
    with running_api(read_enrolment([gallery], None, model_dir), model_dir) as running:
        yield running


def by_bucket(api: RunningApi, photos: dict[str, Path]) -> dict[str, str]:
    session = api.session
    for name, path in photos.items():
        session.s3.put_object(Bucket=session.bucket("input"), Key=name, Body=path.read_bytes())
    return {name: until(lambda key=name: told(session, key)) for name in photos}


def told(session: Any, key: str) -> str | None:
    try:
        answer = session.s3.get_object(Bucket=session.bucket("output"), Key=result_key(key))
    except session.s3.exceptions.NoSuchKey:
        return None
    result = json.loads(answer["Body"].read())
    if result["status"] == "failed":
        return str(result["error"]["message"])
    return ", ".join(person["name"] for person in result["people"]) or "unknown"


def by_http(api: RunningApi, photos: dict[str, Path]) -> dict[str, str]:
    answers = {name: api.send("/", path.read_bytes(), name=name) for name, path in photos.items()}
    return {
        name: answer.body.decode().rpartition(":")[2] if answer.status == 200 else answer.json["detail"]
        for name, answer in answers.items()
    }


def by_command(gallery: Path, photos: dict[str, Path]) -> dict[str, str]:
    command = [sys.executable, "-m", "local.cli", "faces", "--gallery", str(gallery), *map(str, photos.values())]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert answer.returncode == 1  # some are refused
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    return {Path(line["image"]).name: line.get("error") or line["faces"][0]["name"] for line in lines}


def by_enrollment(api: RunningApi, photos: dict[str, Path]) -> dict[str, str]:
    told = {}
    for name, path in photos.items():
        answer = api.send(f"/v1/people/{PERSON}/photos", path.read_bytes(), name=name, field="photo")
        told[name] = PERSON if answer.status == 200 else answer.json["detail"].removeprefix("No photo can be used: ")
    return told


def test_every_way_says_the_same(api: RunningApi, gallery: Path, photos: dict[str, Path]) -> None:
    expected = {name: REFUSED.get(name, PERSON) for name in photos}
    stranger = {"no-eoi.jpg": "unknown"} if "no-eoi.jpg" in photos else {}

    assert by_bucket(api, photos) == expected | stranger
    assert by_http(api, photos) == expected | stranger
    assert by_command(gallery, photos) == expected | stranger
    enrolled = by_enrollment(api, {name: path for name, path in photos.items() if name not in stranger})
    assert enrolled == {name: told for name, told in expected.items() if name not in stranger}
