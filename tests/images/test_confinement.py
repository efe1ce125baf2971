"""The escapes of tests/unit/runtime/test_confinement.py from inside the images, under the user that runs them there."""

import json
from pathlib import Path

import pytest

from tests.images.sandbox import run_in
from tests.unit.runtime import escapes

ESCAPES = Path(escapes.__file__).read_text()
ARGUMENTS = """
import json, os, socket, sys
escapes = json.loads(sys.argv[1])
listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
ports = [one.getsockname()[1] for one in listening]
open("/tmp/upload.mp4", "wb").close()
arguments = [*map(str, ports), str(os.getpid()), "/tmp/upload.mp4", "/tmp"]
"""
IN_FFMPEGS_PLACE = """
from rollcall.media.videos.ffmpeg import Child
command = [sys.executable, "-I", "-S", "-c", escapes, *arguments]
with Child(command, seconds=60, cpu_seconds=60, memory=2 * 1024**3, files=arguments[3:4], port=ports[0]) as running:
    print(running.read_all(100_000).decode())
"""
IN_THE_DECODERS_PLACE = """
import fcntl, resource
from rollcall.media.photos.photo_process import confine, load_codecs
load_codecs()
tried = {}
exec(escapes, tried)
confine(1_000_000)
os.close(0)
os.write(1, json.dumps(tried["run"](arguments)).encode())
"""


@pytest.mark.parametrize(
    ("component", "code", "reached"),
    [
        ("video_split", IN_FFMPEGS_PLACE, {"read the file", "connect to the port"}),
        ("api", IN_THE_DECODERS_PLACE, set()),
    ],
)
def test_no_escape(images: Path, component: str, code: str, reached: set[str]) -> None:
    source = json.dumps(ESCAPES.replace('__name__ == "__main__"', "len(sys.argv) == 6"))
    done = run_in(images / component, ["python3", "-c", ARGUMENTS + code, source])
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    assert {name for name, told in outcomes.items() if told in {"done", "result 0, error 0"}} == reached, outcomes
