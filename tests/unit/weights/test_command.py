"""The command as a user runs it, where nothing can be fetched."""

import os
import subprocess
import sys


def test_no_index(tmp_path):
    environment = os.environ | {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    command = [sys.executable, "-m", "rollcall.weights", "--out", str(tmp_path)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stdout == ""
    last = run.stderr.splitlines()[-1]
    assert last.startswith("error: the packages cannot be fetched; check the network")
    assert "face_recognition_models" in last
    assert not (tmp_path / "manifest.json").exists()


def test_folder_that_is_a_file(tmp_path):
    path = tmp_path / "models"
    path.touch()
    command = [sys.executable, "-m", "rollcall.weights", "--out", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith(f"error: model folder {path} cannot be built")
    assert len(run.stderr.splitlines()) == 1
