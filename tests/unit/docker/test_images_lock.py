"""What a lock promises of each machine, asked of pip itself with a folder of wheels in the index's place."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

DOCKER = Path(__file__).parents[3] / "docker"
CHECK = "import sys; from pathlib import Path; import lock; lock.check_wheels(Path(sys.argv[1]), sys.argv[2])"


def wheel(folder: Path, tag: str) -> str:
    """A wheel of the package `sample`, and the pin of its hash."""
    path = folder / f"sample-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("sample-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n")
        archive.writestr("sample-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
        archive.writestr("sample-1.0.dist-info/RECORD", tag)
    return f"--hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def check(folder: Path, machine: str, pins: list[str]) -> subprocess.CompletedProcess[str]:
    (folder / "lock.txt").write_text(" ".join(["sample==1.0", *pins]) + "\n")
    return subprocess.run(
        [sys.executable, "-c", CHECK, str(folder / "lock.txt"), machine],
        env=os.environ | {"PYTHONPATH": str(DOCKER), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "tag", ["py3-none-any", "cp311-cp311-manylinux_2_35_aarch64", "cp37-abi3-manylinux2014_aarch64"]
)
def test_a_wheel_for_the_machine_is_enough(tmp_path: Path, tag: str) -> None:
    answer = check(tmp_path, "aarch64", [wheel(tmp_path, tag)])

    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    "tag",
    [
        pytest.param("cp311-cp311-manylinux_2_35_x86_64", id="other machine"),
        pytest.param("cp312-cp312-manylinux_2_35_aarch64", id="other python"),
        pytest.param("cp311-cp311-manylinux_2_38_aarch64", id="newer glibc"),
    ],
)
def test_a_package_without_a_wheel_for_the_machine_is_told(tmp_path: Path, tag: str) -> None:
    answer = check(tmp_path, "aarch64", [wheel(tmp_path, tag)])

    assert answer.returncode == 1
    assert "No matching distribution found for sample==1.0" in answer.stderr
    assert "lock.txt cannot be installed on aarch64" in answer.stderr


def test_a_wheel_whose_hash_is_not_in_the_lock_is_none(tmp_path: Path) -> None:
    pin = wheel(tmp_path, "cp311-cp311-manylinux2014_x86_64")
    wheel(tmp_path, "cp311-cp311-manylinux2014_aarch64")

    assert check(tmp_path, "x86_64", [pin]).returncode == 0
    assert check(tmp_path, "aarch64", [pin]).returncode == 1
