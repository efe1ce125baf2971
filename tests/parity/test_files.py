"""The files as a whole: how `python -m rollcall.weights` behaves with the real packages."""

import hashlib
import subprocess
import sys
from pathlib import Path

from rollcall.weights.files import write_files
from rollcall.weights.folder import is_complete


def test_same_sources_give_the_same_bytes(weights, model_files, tmp_path):
    entries = write_files(tmp_path, weights, progress=print)
    for name, entry in entries.items():
        assert hashlib.sha256((model_files / name).read_bytes()).hexdigest() == entry["sha256"]


def test_killed_concurrent_and_damaged(tmp_path):
    # Given a builder that was killed, when two start at once, then one builds and both find the folder whole
    killed = _start(tmp_path)
    assert killed.stderr is not None and killed.stderr.readline().startswith("fetching")
    killed.kill()
    killed.communicate()
    assert not is_complete(tmp_path)

    outputs = [builder.communicate() for builder in [_start(tmp_path), _start(tmp_path)]]

    assert [stdout.strip() for stdout, _ in outputs] == [str(tmp_path)] * 2
    assert sorted("fetching" in stderr for _, stderr in outputs) == [False, True]
    assert is_complete(tmp_path, verify=True)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]

    # Given a file with a flipped byte, when the command runs again, then the file is whole
    network = tmp_path / "detector-pnet.onnx"
    whole = network.read_bytes()
    network.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert is_complete(tmp_path)
    _start(tmp_path).communicate()
    assert network.read_bytes() == whole


def _start(directory: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "rollcall.weights", "--out", str(directory)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
