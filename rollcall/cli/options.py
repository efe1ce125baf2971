"""Options that several commands share, and how their values are checked."""

import argparse
import ipaddress
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import get_args

from rollcall.contracts.detector_names import DEFAULT_DETECTOR, DETECTOR_FILES
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER, EMBEDDERS
from rollcall.contracts.usage_error import UsageError
from rollcall.pipeline.description import BUCKET_NAME
from rollcall.pipeline.own_threshold import OwnThreshold, read_own_threshold
from rollcall.pipeline.roles import BUCKET_ROLES, MAX_PREFIX
from rollcall.pipeline.settings import (
    FRAMES_PER_SECOND,
    LEAST_THRESHOLD,
    MAX_BYTES,
    MAX_DURATION,
    MIN_FACE,
    MOST_LOCAL_WORKERS,
    MOST_THRESHOLD,
    Number,
    Settings,
    Tracks,
)
from rollcall.runtime.local_requests import Origin

_PREFIX = re.compile(rf"[a-z0-9]([a-z0-9-]{{0,{MAX_PREFIX - 2}}}[a-z0-9])?")  # so that every name built on it is valid

GALLERY_FORMS = 'a folder NAME/*.jpg, a JSON list of {"name", "embedding"}, or a folder with both'


def add_gallery(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--gallery",
        metavar="G",
        type=Path,
        action="append",
        required=required,
        default=None,
        help=f"{GALLERY_FORMS}; may be given again",
    )
    add_accept_poor(parser)


def add_accept_poor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accept-poor-photos",
        action="store_true",
        help="enroll small, dim, blurred and turned faces too, with a warning: they are mistaken for others more often",
    )


def add_people(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--people", metavar="P", type=Path, help="a JSON list of records, each with a name")


def add_cors_origin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cors-origin",
        type=origin,
        action="append",
        metavar="ORIGIN",
        help="web pages of this origin may use the HTTP API and send upload forms; may be given again"
        " (default: no page from elsewhere may)",
    )


def add_number(
    parser: argparse.ArgumentParser, option: str, setting: Number[int] | Number[float], *, metavar: str
) -> None:
    check = integer if isinstance(setting.default, int) else number
    parser.add_argument(
        option,
        dest=setting.name,
        type=check(setting.least, setting.most),  # type: ignore[arg-type]
        default=setting.default,
        metavar=metavar,
        help=f"{setting.description} (default: %(default)s)",
    )


def add_embedder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--embedder",
        type=embedder,  # and not `choices`, which do not check a default
        default=os.environ.get("ROLLCALL_EMBEDDER") or DEFAULT_EMBEDDER,
        metavar="NAME",
        help=f"{_listed(EMBEDDERS, 'or')}; faces compare where both hold the same numbers"
        f" (default: $ROLLCALL_EMBEDDER, else {DEFAULT_EMBEDDER})",
    )


def add_detector(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--detector",
        type=detector,
        default=os.environ.get("ROLLCALL_DETECTOR") or DEFAULT_DETECTOR,
        metavar="NAME",
        help=f"what finds faces: {' or '.join(DETECTOR_FILES)} (default: $ROLLCALL_DETECTOR, else {DEFAULT_DETECTOR})",
    )


def add_threshold(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--threshold",
        type=number(LEAST_THRESHOLD, MOST_THRESHOLD),
        metavar="DISTANCE",
        help="largest distance at which a face gets a name (default: the embedder's own)",
    )
    which.add_argument(
        "--calibration",
        type=calibration,
        metavar="FILE",
        help="take the threshold from a file that `rollcall calibrate` wrote",
    )


def threshold_of(options: argparse.Namespace) -> float | None:
    """The threshold; None: the embedder's own. Raises UsageError for a calibration of another embedder."""
    own: OwnThreshold | None = options.calibration
    threshold: float | None = options.threshold
    if own is None:
        return threshold
    try:
        return own.require(options.embedder)
    except ValueError as error:
        raise UsageError(f"--calibration: {error}") from None


def add_port(parser: argparse.ArgumentParser, *, default: int, meaning: str) -> None:
    parser.add_argument("--port", type=integer(0, 65535), default=default, help=f"port of the local cloud ({meaning})")


def add_data(parser: argparse.ArgumentParser) -> None:
    """Where `up` keeps everything, and who may reach it."""
    add_data_folder(parser, more="; `memory`: nothing is kept")
    parser.add_argument(
        "--host",
        type=address,
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address of the local AWS and the HTTP API; with another than this machine's own, such as 0.0.0.0, every"
        " request to the one has to be signed, and the other asks for API keys (default: %(default)s)",
    )
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="serve TLS with this certificate (PEM)")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the certificate's key, if it is in another file")


def add_watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--watch",
        metavar="FOLDER",
        type=Path,
        help="upload videos and photos of this folder and those in it, now and whenever one appears or changes",
    )
    parser.add_argument(
        "--results-beside",
        action="store_true",
        help="write the results of --watch beside its files: holiday.mp4.json, .csv and .vtt",
    )


def add_data_folder(parser: argparse.ArgumentParser, *, more: str = "") -> None:
    parser.add_argument(
        "--data",
        type=data_folder,
        default=default_data_folder(os.environ),
        metavar="DIR",
        help=f"folder of uploads, results, people and jobs{more} (default: $ROLLCALL_DATA, else the user's data folder,"
        " here %(default)s)",
    )


def default_data_folder(environment: Mapping[str, str]) -> str:
    """`$ROLLCALL_DATA`, else a folder among the user's data."""
    if chosen := environment.get("ROLLCALL_DATA"):
        return chosen
    return str(Path(environment.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "rollcall")


def data_folder(text: str) -> Path | None:
    """None: nothing is kept."""
    if text == "memory":
        return None
    folder = Path(text).expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a file, and a folder is needed")
    return folder


def address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no address; write one such as 127.0.0.1 or 0.0.0.0") from None


def add_local_cloud(parser: argparse.ArgumentParser) -> None:
    """Adds the settings of the pipeline that `run` and `up` start."""
    add_number(parser, "--fps", FRAMES_PER_SECOND, metavar="FRAMES")
    add_number(parser, "--min-face", MIN_FACE, metavar="PIXELS")
    add_embedder(parser)
    add_detector(parser)
    add_threshold(parser)
    parser.add_argument(
        "--name-texts",
        action="store_true",
        help="write the bare names of each file as a text as well: holiday.txt for holiday.mp4",
    )
    add_number(parser, "--max-duration", MAX_DURATION, metavar="SECONDS")
    add_number(parser, "--max-bytes", MAX_BYTES, metavar="BYTES")
    parser.add_argument(
        "--tracks",
        choices=get_args(Tracks),
        default=Settings.tracks,
        help="video tracks of a file that are looked at: the longest, or all (default: %(default)s)",
    )
    parser.add_argument(
        "--max-concurrency",
        type=integer(1, MOST_LOCAL_WORKERS),
        default=min(os.cpu_count() or 1, MOST_LOCAL_WORKERS),
        metavar="N",
        help="workers of each function at once (default: one per core, %(default)s here)",
    )
    parser.add_argument(
        "--prefix",
        type=prefix,
        default=os.environ.get("ROLLCALL_PREFIX") or "rollcall",
        help="start of bucket and table names (default: $ROLLCALL_PREFIX, else rollcall)",
    )
    _add_buckets(parser)


def _add_buckets(parser: argparse.ArgumentParser) -> None:
    """Adds options for bucket names that do not start with the prefix."""
    for role in BUCKET_ROLES:
        variable = f"ROLLCALL_{role}_BUCKET".upper().replace("-", "_")
        parser.add_argument(
            f"--{role}-bucket",
            dest=f"{role}_bucket".replace("-", "_"),
            type=bucket_name,
            default=os.environ.get(variable) or None,
            metavar="NAME",
            help=f"name of the {role} bucket (default: ${variable}, else PREFIX-{role})",
        )


def add_deployment(parser: argparse.ArgumentParser) -> None:
    """Adds which deployment is meant. Account, region and endpoint come from AWS's own variables and files."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--prefix",
        type=prefix,
        default=os.environ.get("ROLLCALL_PREFIX") or None,
        help="start of the deployment's names (default: $ROLLCALL_PREFIX, else rollcall at $AWS_ENDPOINT_URL"
        " and rollcall-ACCOUNT-REGION on AWS)",
    )
    which.add_argument("--stack", metavar="NAME", help="its CloudFormation stack, which tells the prefix and buckets")
    _add_buckets(parser)


def integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,15}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return parse


def number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if not re.fullmatch(r"[+-]?[0-9]{0,9}\.?[0-9]{0,9}", text) or not any(map(str.isdigit, text)):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number")
        if not low <= float(text) <= high:
            raise argparse.ArgumentTypeError(f"{text} is not from {low:g} to {high:g}")
        return float(text)

    return parse


def calibration(text: str) -> OwnThreshold:
    try:
        return read_own_threshold(Path(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _listed(names: Iterable[str], word: str) -> str:
    *first, last = names
    return f"{', '.join(first)} {word} {last}"


def embedder(text: str) -> str:
    if text not in EMBEDDERS:
        raise argparse.ArgumentTypeError(f"{text!r} is no embedder; there are {_listed(EMBEDDERS, 'and')}")
    return text


def detector(text: str) -> str:
    if text not in DETECTOR_FILES:
        raise argparse.ArgumentTypeError(f"{text!r} is no detector; there are {' and '.join(DETECTOR_FILES)}")
    return text


def bucket_name(text: str) -> str:
    if not re.fullmatch(BUCKET_NAME, text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a bucket name: 3 to 63 lower-case letters, digits and hyphens, no hyphen at either end"
        )
    return text


def prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a prefix: 1 to {MAX_PREFIX} lower-case letters, digits and hyphens, no hyphen at either"
            " end"
        )
    return text


def origin(text: str) -> str:
    if Origin.parse(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an origin; write it as in https://app.example")
    return text.strip().lower()
