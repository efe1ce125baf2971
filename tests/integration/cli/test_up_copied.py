"""A copy of the folder of `rollcall up`, taken while it works: whoever starts on it loses nothing that was there."""

import json
import subprocess
from pathlib import Path

from tests.integration.cli.running_up import Up
from tests.integration.throwaway import until


def test_uploads_before_the_copy_have_their_results_in_it(demo_photos: Path, tmp_path: Path) -> None:
    photo = demo_photos / "astronaut.png"
    gallery = tmp_path / "gallery" / "Eileen"
    gallery.mkdir(parents=True)
    (gallery / "astronaut.png").write_bytes(photo.read_bytes())
    first = Up("--data", tmp_path / "data", "--gallery", gallery.parent)
    try:
        keys = [f"photo-{number}.png" for number in range(6)]
        for key in keys:
            first.upload(key, photo.read_bytes())
        subprocess.run(["cp", "-r", tmp_path / "data", tmp_path / "copy"], check=True)
        for key in keys:
            first.wait_for(f"done {key}: ")
    finally:
        first.close()

    second = Up("--data", tmp_path / "copy")  # nobody is enrolled from the command line
    try:
        for key in keys:
            until(lambda key=key: _people(second, key) == ["Eileen"])  # type: ignore[misc]
    finally:
        second.close()


def _people(up: Up, key: str) -> list[str]:
    try:
        result = json.load(up.s3.get_object(Bucket="lives-output", Key=f"{key}.json")["Body"])
    except up.s3.exceptions.NoSuchKey:
        return []
    return [person["name"] for person in result["people"]]
