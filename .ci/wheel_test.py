"""Installs the wheel into an empty environment outside the checkout, and uses it there as a stranger would.

python .ci/wheel_test.py     `make wheel-test` runs it; ends with 1 at the first thing that is wrong
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")
GENERIC = ("functions", "infra", "local", "model", "workload")  # other people's packages may be called so
MATERIAL = """
import os
from pathlib import Path
from rollcall.cli.demo.demo_photos import cache_folder, ensure_photos
from rollcall.cli.demo.demo_video import encode, shoot
from rollcall.cli.demo.story import make_gallery, shots
from rollcall.media.videos.ffmpeg import find
photos = ensure_photos(cache_folder(os.environ), progress=print)
make_gallery(photos, Path("gallery"))
seen = next(shot for shot in shots(photos) if shot.who)
encode(shoot([seen]), Path("clip.mp4"), find())
print(seen.who)
"""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="rollcall-wheel-") as folder:
        try:
            use(Path(folder))
        except (AssertionError, subprocess.SubprocessError) as error:
            output = getattr(error, "stdout", "") or ""
            print(f"wheel-test: {error}\n{output}", file=sys.stderr)
            return 1
    return 0


def use(folder: Path) -> None:
    wheel = build(folder)
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    python, rollcall = environment / "bin" / "python", environment / "bin" / "rollcall"
    extra = "" if shutil.which("ffmpeg") and shutil.which("ffprobe") else "[ffmpeg]"
    told("installing it into an empty environment")
    run([python, *PIP, "install", "--no-compile", f"{wheel}{extra}"], folder)
    assert run([rollcall, "--version"], folder).startswith("rollcall "), "rollcall --version tells no version"
    assert "usage: rollcall" in run([python, "-m", "rollcall", "--help"], folder), "python -m rollcall shows no help"
    told("beside a distribution of the names model, functions, local, infra and workload")
    live_beside_others(python, rollcall, folder)
    told("running one clip")
    who = run([python, "-c", MATERIAL], folder).splitlines()[-1]
    run([rollcall, "run", "clip.mp4", "--gallery", "gallery", "--out", "out"], folder)
    result = json.loads((folder / "out" / "clip.mp4.json").read_text())
    assert [person["name"] for person in result["people"]] == [who], f"expected {who} alone in {result['people']}"
    told("rollcall up")
    serve(rollcall, folder)


def build(folder: Path) -> Path:
    """A wheel of what git knows, so that nothing that lies about gets into it."""
    told("building the wheel")
    source = folder / "source"
    listed = ("git", "-C", CHECKOUT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, run(listed, CHECKOUT).split("\0")):
        if (CHECKOUT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(CHECKOUT / name, source / name)
    run([sys.executable, *PIP, "wheel", "--no-deps", "--wheel-dir", folder / "wheel", source], folder)
    (wheel,) = (folder / "wheel").iterdir()
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"rollcall"}, f"the wheel installs {sorted(tops)}"
    return wheel


def live_beside_others(python: Path, rollcall: Path, folder: Path) -> None:
    """Another distribution with our former names is installed and removed; ours stays whole."""
    other = folder / "generic-1.0-py3-none-any.whl"
    modules = [f"{package}/{module}.py" for package in GENERIC for module in ("__init__", "engine", "pipeline", "cli")]
    metadata = "generic-1.0.dist-info"
    with zipfile.ZipFile(other, "w") as archive:
        for module in modules:
            archive.writestr(module, "raise ImportError('somebody else')\n")
        archive.writestr(f"{metadata}/METADATA", "Metadata-Version: 2.1\nName: generic\nVersion: 1.0\n")
        archive.writestr(f"{metadata}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{metadata}/RECORD", "".join(f"{name},,\n" for name in [*modules, f"{metadata}/RECORD"]))
    run([python, *PIP, "install", "--no-deps", other], folder)
    run([rollcall, "faces", "--help"], folder)
    run([python, "-c", "import rollcall.engine.engine, rollcall.local.cloud, rollcall.pipeline.description"], folder)
    run([python, *PIP, "uninstall", "--yes", "generic"], folder)
    run([python, "-c", "import rollcall.engine.engine, rollcall.local.cloud, rollcall.pipeline.description"], folder)


def serve(rollcall: Path, folder: Path) -> None:
    command = [rollcall, "up", "--port", "0", "--api-port", "0", "--data", "kept", "--gallery", "gallery"]
    with subprocess.Popen(command, cwd=folder, env=clean(), stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        lines = []
        for line in up.stdout:
            lines.append(line)
            if line.startswith("ready"):
                up.send_signal(signal.SIGINT)
        code = up.wait(timeout=30)
    assert any(line.startswith("ready") for line in lines), f"rollcall up never took work: {''.join(lines)}"
    assert code in {0, 130}, f"rollcall up ended with {code}"


def clean() -> dict[str, str]:
    """Nothing here may lead back to the checkout."""
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}


def run(command: Sequence[str | Path], folder: Path) -> str:
    """What it prints. Errors: CalledProcessError with all that it printed."""
    return subprocess.run(
        command,
        cwd=folder,
        env=clean(),
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if command[1] != "run" else None,
        timeout=300,
    ).stdout


def told(step: str) -> None:
    print(f"wheel-test: {step}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
