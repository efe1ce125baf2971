"""What an image holds and lacks, seen from its unpacked file system."""

import json
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.images.conftest import read_config
from tests.images.sandbox import run_in

PACKAGES = "usr/local/lib/python3.11/dist-packages"
ELF = b"\x7fELF"
UNRESOLVED = re.compile(r"not found|cannot open shared object file")
# each can install, compile, or open a shell
TOOLS = {
    "apt",
    "apt-get",
    "bash",
    "cc",
    "curl",
    "dash",
    "dpkg",
    "gcc",
    "ld",
    "make",
    "perl",
    "pip",
    "pip3",
    "sh",
    "wget",
}
FOREIGN = {"onnx", "onnxruntime", "openvino_telemetry", "pip", "pytest", "setuptools", "tensorflow", "torch"}
MODULES = {
    "video_split": {"absent": {"cv2", "engine", "numpy", "openvino"}, "present": {"PIL", "ffmpeg", "pi_heif"}},
    "face_recognition": {"absent": {"ffmpeg"}, "present": {"cv2", "engine", "numpy", "openvino"}},
    "lookup": {"absent": {"cv2", "ffmpeg", "media", "openvino"}, "present": {"engine", "numpy"}},
    "api": {
        "absent": {"ffmpeg"},
        "present": {"PIL", "cv2", "fastapi", "engine", "mangum", "numpy", "openvino", "pi_heif", "uvicorn"},
    },
}
# what else is started in it: as a worker, as a server, and by the server
ENTRY_POINTS = {
    "face_recognition": ("functions.worker.__main__",),
    "video_split": ("rollcall.media.photos.photo_process",),
    "api": ("functions.api.__main__", "rollcall.api.recognizers.recognizer", "rollcall.media.photos.photo_process"),
}


def test_starts_its_function_under_awslambdaric_as_somebody_else_than_root(image: Path) -> None:
    config = read_config(image)

    assert config["Entrypoint"] == ["/usr/bin/python3", "-m", "awslambdaric"]
    assert config["Cmd"] == [f"functions.{image.name}.handler.handler"]
    assert config["User"] == "1000:1000"


def test_has_no_tool_to_install_compile_or_open_a_shell(image: Path) -> None:
    programs = {
        path.name for folder in ("usr/bin", "usr/sbin", "usr/local/bin") for path in (image / "root" / folder).glob("*")
    }

    assert "python3" in programs
    assert not programs & TOOLS


def test_has_the_packages_of_its_function_only(image: Path) -> None:
    folders = [image / "root" / PACKAGES, image / "root" / "var/task", image / "root" / "var/task/rollcall"]
    found = {path.name for folder in folders for path in folder.iterdir()}

    assert MODULES[image.name]["present"] <= found
    assert not (MODULES[image.name]["absent"] | FOREIGN) & found


def test_has_no_file_that_needs_an_owner_or_gives_rights(image: Path) -> None:
    """Lambda runs as a user of its own, whatever the image says."""
    wrong = []
    for folder, _, names in os.walk(image / "root"):
        for path in [Path(folder), *(Path(folder) / name for name in names)]:
            mode = path.lstat().st_mode
            readable = mode & stat.S_IROTH and (not path.is_dir() or mode & stat.S_IXOTH)
            if not path.is_symlink() and (not readable or mode & (stat.S_ISUID | stat.S_ISGID)):
                wrong.append(f"{path.relative_to(image)} {stat.filemode(mode)}")

    assert wrong == []


def test_every_library_finds_those_it_needs(image: Path) -> None:
    root = image / "root"
    linker = next(root.glob("usr/lib*/ld-linux-*.so.*"))
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink() and _is_elf(path)]

    def listed(path: Path) -> subprocess.CompletedProcess[str]:
        # a library of a wheel is loaded by an extension module that says where its siblings are
        beside = ["--library-path", f"/{path.parent.relative_to(root)}"]
        return run_in(image, [f"/{linker.relative_to(root)}", *beside, "--list", f"/{path.relative_to(root)}"])

    answers = {path: listed(path) for path in files}
    unresolved = [
        f"{path.relative_to(root)}: {answer.stdout}{answer.stderr}"
        for path, answer in answers.items()
        if UNRESOLVED.search(answer.stdout + answer.stderr)
    ]

    assert len(files) > 20
    assert unresolved == []


def test_imports_come_compiled(image: Path) -> None:
    """Nothing can be written beside them at run time, so what is not compiled here is compiled at every cold start."""
    modules = (f"functions.{image.name}.handler", *ENTRY_POINTS.get(image.name, ()))
    script = (
        f"import {', '.join(modules)}, sys, importlib.util as u, os;"
        "files = [m.__file__ for m in sys.modules.values() if (getattr(m, '__file__', None) or '').endswith('.py')];"
        "print([f for f in files if not f.startswith('/etc/') and not os.path.exists(u.cache_from_source(f))])"
    )
    result = run_in(image, ["/usr/bin/python3", "-c", script])

    assert (result.returncode, result.stdout.strip()) == (0, "[]"), result.stderr


def test_only_tmp_can_be_written_and_it_is_bounded(image: Path) -> None:
    script = (
        "import errno, os\n"
        "def attempt(path, size=1):\n"
        "    try:\n"
        "        with open(path, 'wb') as file:\n"
        "            for _ in range(size): file.write(bytes(1 << 20))\n"
        "    except OSError as error: return errno.errorcode[error.errno]\n"
        "paths = ('/var/task/x', '/usr/x', '/x', '/tmp/x')\n"
        "print(os.getuid(), *map(attempt, paths), attempt('/tmp/y', 9))"
    )
    result = run_in(image, ["/usr/bin/python3", "-c", script], scratch_mb=8)

    assert result.stdout.split() == ["1000", "EROFS", "EROFS", "EROFS", "None", "ENOSPC"], result.stderr


def test_names_no_machine_that_built_it(image: Path) -> None:
    settings = ("etc/pip.conf", "etc/apt", "run/certificates.pem", "root/.config", "root/.cache", "etc/resolv.conf")

    assert [name for name in settings if (image / "root" / name).exists()] == []
    assert not [entry for entry in read_config(image)["Env"] if entry.startswith(("PIP_", "SSL_", "http"))]


@pytest.mark.parametrize("folder", ["var/lib/dpkg/status.d", PACKAGES])
def test_its_bill_of_materials_names_every_package_with_a_license(image: Path, folder: str) -> None:
    bill = json.loads((image / "sbom.cdx.json").read_text())
    listed = {component["name"].lower().replace("_", "-") for component in bill["components"]}
    installed = {path.name for path in (image / "root" / folder).iterdir()}
    if folder == PACKAGES:
        installed = {name.partition("-")[0] for name in installed if name.endswith(".dist-info")}

    assert installed
    assert {name.lower().replace("_", "-") for name in installed} <= listed
    assert all(component["licenses"][0]["license"]["name"] for component in bill["components"])


def test_sizes_stay_within_their_aims(images: Path) -> None:
    sizes = json.loads((images / "sizes.json").read_text())["images"]
    megabytes = {name: parts["total"] / 1e6 for name, parts in sizes.items()}

    assert megabytes["face_recognition"] <= 400
    assert megabytes["video_split"] <= 250
    assert megabytes["lookup"] <= 150
    assert megabytes["api"] <= 430


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(ELF)) == ELF


def test_ffmpeg_meets_hostile_files_with_no_more_than_it_needs(images: Path) -> None:
    def listed(what: str) -> str:
        return run_in(images / "video_split", ["/usr/bin/ffmpeg", "-hide_banner", f"-{what}"]).stdout

    for name in ("concat", "data", "hls", "rtmp", "udp"):
        assert name not in listed("protocols").split()
    for name in ("concat", "dash", "hls", "lavfi", "sdp"):
        assert name not in listed("demuxers").split()
    for name in ("movie", "drawtext"):
        assert name not in listed("filters").split()
