"""A copy of the folder of `rollcall up`, taken while it works: whoever starts on it loses nothing that was there."""

import subprocess
from pathlib import Path

from tests.integration.cli.running_up import Up
from tests.integration.throwaway import until


def test_uploads_before_the_copy_have_their_results_in_it(photo: Path, tmp_path: Path) -> None:
    first = Up("--data", tmp_path / "data", "--gallery", photo.parent.parent)
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
            until(lambda key=key: second.people(key) == ["Eileen"])  # type: ignore[misc]
    finally:
        second.close()
