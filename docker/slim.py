"""Removes from installed packages what no function runs, symbols too, and compiles the rest once, here, to bytecode.

python3 docker/slim.py FOLDER INSTALLED_AT     inside the build
"""

import compileall
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from py_compile import PycInvalidationMode

AWS_SERVICES = ("dynamodb", "events", "s3", "sqs", "sts")  # of botocore's four hundred; sts fetches credentials
ANYWHERE = ("**/*.pyi", "**/*.pxd", "**/*.pyx", "**/*.h", "**/*.hpp", "**/*.a", "**/tests", "**/__pycache__", "bin")
PER_PACKAGE = {
    "aws_lambda_powertools": ("event_handler", "utilities/kafka", "utilities/parser"),
    "numpy": (
        "_core/_simd.*.so",
        "_core/include",
        "distutils",
        "doc",
        "f2py",
        "fft",
        "polynomial",
        "random",
        "testing",
    ),
    "openvino": (
        "cmake",
        "include",
        "torch",
        "frontend/[!o]*/",  # the engine reads ONNX files
        "tools",
        "libs/cache.json",  # of the GPU plugin
        "libs/libopenvino_auto*",
        "libs/libopenvino_c.so*",
        "libs/libopenvino_gguf*",
        "libs/libopenvino_hetero*",
        "libs/libopenvino_intel_gpu*",
        "libs/libopenvino_intel_npu*",
        "libs/libopenvino_jax*",
        "libs/libopenvino_paddle*",
        "libs/libopenvino_pytorch*",
        "libs/libopenvino_tensorflow*",
        "libs/libtbbmalloc_proxy*",
        "libs/tbb.pc",
    ),
    # what draws text and shows windows; the libraries that this alone needs
    "PIL": ("_imagingft.*", "_imagingmath.*", "_imagingmorph.*", "_imagingtk.*"),
    "pillow.libs": ("libbrotli*", "libfreetype*", "libharfbuzz*", "libpng*"),
    "cv2": ("data", "qt", "gapi", "typing", "mat_wrapper/[!_]*", "misc/[!_v]*"),
    "boto3": ("examples", "data/[!ds]*", "data/s[!q3]*"),
    # ffmpeg-python needs it for Python 2, and of it only this
    "future": ("[!_u]*",),
    "past": ("translation",),
}
NOT_STRIPPED = ("libgfortran", "libopenblas", "libquadmath", "libscipy_openblas")  # strip breaks what patchelf moved


def main(folder: Path, installed_at: Path) -> None:
    for path in sorted({*_unwanted(folder)}):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=False)
        elif path.exists() or path.is_symlink():
            path.unlink()
    _strip([path for path in folder.rglob("*.so*") if not path.is_symlink() and not path.name.startswith(NOT_STRIPPED)])
    whole = compileall.compile_dir(
        folder,
        ddir=str(installed_at),
        quiet=1,
        # the sources never change in an image, and its files' times may
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )
    if not whole:
        raise SystemExit(f"error: some of {folder} cannot be compiled")


def _strip(libraries: Sequence[Path]) -> None:
    if libraries:
        subprocess.run(["strip", "--strip-unneeded", *libraries], check=True)


def _unwanted(folder: Path) -> Iterator[Path]:
    for pattern in ANYWHERE:
        yield from folder.glob(pattern)
    for package, patterns in PER_PACKAGE.items():
        for pattern in patterns:
            yield from (folder / package).glob(pattern)
    for service in (folder / "botocore/data").glob("*/"):
        if service.name not in AWS_SERVICES:
            yield service


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
