"""The `rollcall` command: options here, work in `local/commands/`, which is loaded only once it is needed."""

import argparse
import importlib
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from local.errors import UsageError

USAGE_ERROR = 2
INTERRUPTED = 130  # 128 and the number of SIGINT, as shells count

_PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")  # so that the bucket names are valid


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(arguments)
    return guarded(lambda: int(importlib.import_module(f"local.commands.{options.command}").execute(options)))


def guarded(command: Callable[[], int]) -> int:
    """Run a command; whatever can go wrong for its user ends as one line and an exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        return command()
    except UsageError as error:
        return _fail(str(error), USAGE_ERROR)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read the output has gone; without this Python complains at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if isinstance(error, _expected_failures()):
            return _fail(str(error), 1)
        raise


def _expected_failures() -> tuple[type[Exception], ...]:
    from functions.common.errors import RollcallError  # noqa: PLC0415
    from model.build.errors import ModelBuildError  # noqa: PLC0415

    return RollcallError, ModelBuildError


def _interrupt(number: int, _frame: object) -> NoReturn:
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.signal(again, signal.SIG_IGN)  # stopping cleanly takes a moment; impatience must not orphan a process
    raise KeyboardInterrupt


def _fail(message: str, code: int) -> int:
    print(f"rollcall: {' '.join(message.split())}", file=sys.stderr)
    return code


def build_parser() -> Parser:
    parser = Parser(
        prog="rollcall",
        description="Who is in a video, when, and their records: the whole pipeline on this machine.",
        epilog="example: rollcall run holiday.mp4 --gallery people/ --out results",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_up(commands)
    _add_faces(commands)
    return parser


def _add_run(commands: "argparse._SubParsersAction[Parser]") -> None:
    parser = commands.add_parser(
        "run",
        help="push files through the whole pipeline once and collect the results",
        description="Start the local cloud, push the files through the whole pipeline, write the results, stop.",
        epilog="example: rollcall run holiday.mp4 photos/ --gallery people/ --people records.json --out results",
    )
    parser.add_argument("media", metavar="MEDIA", nargs="+", type=Path, help="videos, photos, or folders of them")
    _add_gallery(parser, required=True)
    _add_people(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder for the results")
    parser.add_argument(
        "--port", type=_integer(0, 65535), default=0, help="port of the local cloud (default: any free)"
    )
    _add_settings(parser)


def _add_up(commands: "argparse._SubParsersAction[Parser]") -> None:
    parser = commands.add_parser(
        "up",
        help="run the local cloud until Ctrl-C, for any AWS client",
        description="Run the local cloud until Ctrl-C. Prints a line that starts with `ready` once it takes work.",
        epilog="example: rollcall up --gallery people/ & "
        "aws --endpoint-url http://127.0.0.1:4566 s3 cp holiday.mp4 s3://rollcall-input/",
    )
    _add_gallery(parser, required=False)
    _add_people(parser)
    parser.add_argument("--port", type=_integer(0, 65535), default=4566, help="port of the local cloud (default: 4566)")
    parser.add_argument(
        "--api-port", type=_integer(0, 65535), default=8000, help="reserved for the HTTP API; nothing listens there yet"
    )
    _add_settings(parser)


def _add_faces(commands: "argparse._SubParsersAction[Parser]") -> None:
    parser = commands.add_parser(
        "faces",
        help="the faces in photos, one JSON line per photo",
        description="One JSON line per photo: its faces, largest first; a box is [x, y, width, height] in pixels.",
        epilog="example: rollcall faces group.jpg --gallery people/",
    )
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help="JPEG, PNG or WebP files")
    _add_gallery(parser, required=False)
    parser.add_argument("--embeddings", action="store_true", help="include the 128 numbers of each face")
    _add_min_face(parser, default=20)
    _add_threshold(parser)


def _add_gallery(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--gallery",
        metavar="G",
        type=Path,
        action="append",
        required=required,
        default=None,
        help='a folder NAME/*.jpg, a JSON list of {"name", "embedding"}, or a folder with both; may be given again',
    )


def _add_people(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", metavar="P", type=Path, help="a JSON list of records, each with a name")


def _add_min_face(parser: argparse.ArgumentParser, *, default: int) -> None:
    parser.add_argument(
        "--min-face",
        type=_integer(12, 1000),
        default=default,
        metavar="PIXELS",
        help="smallest face that is looked for; smaller is slower (default: %(default)s)",
    )


def _add_threshold(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threshold",
        type=_number(0.1, 1.5),
        metavar="DISTANCE",
        help="largest distance at which a face gets a name (default: the recogniser's own)",
    )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fps",
        type=_number(0.1, 30),
        default=2.0,
        metavar="FRAMES",
        help="frames looked at per second (default: %(default)s)",
    )
    _add_min_face(parser, default=40)
    _add_threshold(parser)
    parser.add_argument(
        "--max-concurrency",
        type=_integer(1, 100),
        default=min(os.cpu_count() or 1, 100),
        metavar="N",
        help="workers of each function at once (default: one per core, %(default)s here)",
    )
    parser.add_argument(
        "--prefix",
        type=_prefix,
        default=os.environ.get("ROLLCALL_PREFIX") or "rollcall",
        help="start of bucket and table names (default: $ROLLCALL_PREFIX, else rollcall)",
    )


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if not re.fullmatch(r"[+-]?[0-9]{0,9}\.?[0-9]{0,9}", text) or not any(map(str.isdigit, text)):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number")
        if not low <= float(text) <= high:
            raise argparse.ArgumentTypeError(f"{text} is not from {low:g} to {high:g}")
        return float(text)

    return parse


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a prefix: 1 to 40 lower-case letters, digits and hyphens, no hyphen at either end"
        )
    return text


if __name__ == "__main__":
    sys.exit(main())
