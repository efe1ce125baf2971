"""The command line of `rollcall`. It imports nothing that only the work needs."""

import argparse
from pathlib import Path
from typing import NoReturn, TypeAlias

from rollcall import __version__
from rollcall.cli import options
from rollcall.contracts.api_scopes import SCOPES
from rollcall.contracts.shown_text import printable
from rollcall.media.photo_formats import NAMES as PHOTO_NAMES
from rollcall.pipeline.roles import QUEUE_ROLES
from rollcall.pipeline.settings import PHOTO_MIN_FACE
from rollcall.runtime.last_line import USAGE_ERROR


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"{self.prog}: {printable(message)} (see {self.prog} --help)\n")


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def build_parser() -> Parser:
    parser = Parser(
        prog="rollcall",
        description="Who is in a video, when, and their records: the whole pipeline on this machine or in your AWS"
        " account.",
        epilog="example: rollcall run holiday.mp4 --gallery people/ --out results",
    )
    parser.add_argument("--version", action="version", version=f"rollcall {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_run, _up, _faces, _calibrate, _people, _enroll, _submit, _status, _results, _redrive, _keys, _smoke):
        add(commands)
    for add in (_backup, _restore):
        add(commands)
    return parser


def _run(commands: Commands) -> None:
    parser = commands.add_parser(
        "run",
        help="push files through the whole pipeline once and collect the results",
        description="Start the local cloud, push the files through the whole pipeline, write the results, stop.",
        epilog="example: rollcall run holiday.mp4 photos/ --gallery people/ --people records.json --out results",
    )
    _add_media(parser)
    options.add_gallery(parser, required=True)
    options.add_people(parser)
    _add_out(parser)
    parser.add_argument(
        "--contact-sheets",
        choices=("auto", "all", "none"),
        default="auto",
        help="a picture of who is in each file (default: auto, for all of up to 100 files, for none of more)",
    )
    options.add_port(parser, default=0, meaning="default: any free")
    options.add_local_cloud(parser)


def _up(commands: Commands) -> None:
    parser = commands.add_parser(
        "up",
        help="run the local cloud until Ctrl-C, for any AWS client",
        description="Run the local cloud until Ctrl-C. Prints a line that starts with `ready` once it takes work.",
        epilog="example: rollcall up --gallery people/ & "
        "aws --endpoint-url http://127.0.0.1:4566 s3 cp holiday.mp4 s3://rollcall-input/",
    )
    options.add_gallery(parser, required=False)
    options.add_people(parser)
    options.add_port(parser, default=4566, meaning="default: 4566")
    parser.add_argument(
        "--api-port", type=options.integer(0, 65535), default=8000, help="port of the HTTP API (default: 8000)"
    )
    options.add_cors_origin(parser)
    options.add_data(parser)
    options.add_watch(parser)
    parser.add_argument(
        "--log-dir",
        metavar="DIR",
        type=Path,
        help="folder for logs, and for workers.jsonl: workers and backlog over time (default: nothing is kept)",
    )
    options.add_local_cloud(parser)


def _faces(commands: Commands) -> None:
    parser = commands.add_parser(
        "faces",
        help="the faces in photos, one JSON line per photo",
        description="One JSON line per photo: its faces, largest first; a box is [x, y, width, height] in pixels.",
        epilog="example: rollcall faces group.jpg --gallery people/",
    )
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help=f"files: {PHOTO_NAMES}")
    options.add_gallery(parser, required=False)
    parser.add_argument("--embeddings", action="store_true", help="include the numbers that tell each face from others")
    options.add_number(parser, "--min-face", PHOTO_MIN_FACE, metavar="PIXELS")
    options.add_embedder(parser)
    options.add_detector(parser)
    options.add_threshold(parser)


def _calibrate(commands: Commands) -> None:
    parser = commands.add_parser(
        "calibrate",
        help="how well your own people can be told apart, and the threshold that suits them",
        description="Compare photos of your own people: distances, error rates at each threshold, the threshold for a"
        " wanted false match rate, and the people who resemble each other too much.",
        epilog="example: rollcall calibrate people/ --false-match-rate 0.001 --out calibration.json",
    )
    parser.add_argument("photos", metavar="PHOTOS", nargs="+", type=Path, help="a folder NAME/*.jpg")
    options.add_accept_poor(parser)
    parser.add_argument(
        "--false-match-rate",
        type=options.number(0.000001, 0.5),
        default=0.001,
        metavar="SHARE",
        help="of comparisons of two people, how many may match (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("calibration.json"),
        metavar="FILE",
        help="what --calibration of run, up and faces takes (default: %(default)s)",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="a picture (default: the same name, ending in .png)")
    options.add_embedder(parser)
    options.add_detector(parser)


def _people(commands: Commands) -> None:
    parser = commands.add_parser(
        "people",
        help="load, list or remove the people of a deployment",
        description="The people of a deployment: their records and how many faces of each are enrolled.",
        epilog="example: rollcall people load seed_data/people.json",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    load = actions.add_parser(
        "load",
        help="store records",
        description="Store the records; one of the same name is replaced.",
        epilog="example: rollcall people load seed_data/people.json",
    )
    load.add_argument("people", metavar="FILE", type=Path, help="a JSON list of records, each with a name")
    everybody = actions.add_parser(
        "list",
        help="list who is enrolled or has a record",
        description="One line for each person: enrolled faces, the embedder they are of, and the record.",
        epilog="example: rollcall people list --prefix rollcall",
    )
    remove = actions.add_parser(
        "remove",
        help="delete a person: record, faces, crops, and the name in stored results",
        description="Delete the record, the enrolled faces, the crops, and the name in every stored result, where the"
        " person becomes one of the unknown. It may be stopped and run again, until it says that nobody is called so.",
        epilog='example: rollcall people remove "Eileen Collins"',
    )
    remove.add_argument("name", metavar="NAME", help="as enrolled")
    for action in (load, everybody, remove):
        options.add_deployment(action)


def _enroll(commands: Commands) -> None:
    parser = commands.add_parser(
        "enroll",
        help="teach a deployment faces, from photos or embeddings",
        description="Find the face in each photo and store its embedding; doing it again changes nothing. The photos"
        " stay here: keep them, a new model needs them again.",
        epilog="example: rollcall enroll people/",
    )
    parser.add_argument(
        "gallery",
        metavar="GALLERY",
        nargs="+",
        type=Path,
        help=options.GALLERY_FORMS,
    )
    options.add_embedder(parser)
    options.add_detector(parser)
    options.add_accept_poor(parser)
    parser.add_argument("--replace", action="store_true", help="remove every enrolled face that is not in GALLERY")
    options.add_deployment(parser)


def _submit(commands: Commands) -> None:
    parser = commands.add_parser(
        "submit",
        help="upload files to a deployment",
        description="Upload files. Prints the job and the key of each; with --wait, who was in it.",
        epilog="example: rollcall submit holiday.mp4 --wait --out results",
    )
    _add_media(parser)
    parser.add_argument("--wait", action="store_true", help="until there is an answer to each file")
    parser.add_argument("--out", metavar="DIR", type=Path, help="folder for the results; waits for them")
    options.add_deployment(parser)


def _status(commands: Commands) -> None:
    parser = commands.add_parser(
        "status",
        help="how far an upload is, or what a deployment is doing",
        description="Of one upload: its job and how far it is. Without KEY: the newest uploads, and what waits in the"
        " queues.",
        epilog="example: rollcall status holiday.mp4",
    )
    parser.add_argument("key", metavar="KEY", nargs="?", help="of the upload in the input bucket")
    options.add_deployment(parser)


def _results(commands: Commands) -> None:
    parser = commands.add_parser(
        "results",
        help="fetch the results of an upload",
        description="Write the JSON, CSV, VTT and face crops of an upload under DIR, and show who was in it.",
        epilog="example: rollcall results holiday.mp4 --out results",
    )
    parser.add_argument("key", metavar="KEY", help="of the upload in the input bucket")
    _add_out(parser)
    options.add_deployment(parser)


def _redrive(commands: Commands) -> None:
    parser = commands.add_parser(
        "redrive",
        help="have dead letters tried again",
        description="Send the messages that failed too often back to the queue that they came from.",
        epilog="example: rollcall redrive --queue recognize",
    )
    parser.add_argument("--queue", choices=QUEUE_ROLES, action="append", help="one of the queues (default: all three)")
    options.add_deployment(parser)


def _backup(commands: Commands) -> None:
    parser = commands.add_parser(
        "backup",
        help="copy all that `rollcall up` keeps into one file",
        description="Copy uploads, results, people and jobs into one file, also while `rollcall up` runs.",
        epilog="example: rollcall backup monday.tar",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the new file, a tar archive")
    options.add_data_folder(parser)


def _restore(commands: Commands) -> None:
    parser = commands.add_parser(
        "restore",
        help="bring back what a backup holds",
        description="Bring back what a backup holds, in a folder that is empty or not there yet.",
        epilog="example: rollcall restore monday.tar --data restored",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="what `rollcall backup` has written")
    options.add_data_folder(parser)


def _keys(commands: Commands) -> None:
    parser = commands.add_parser(
        "keys",
        help="make, list or revoke the keys of the HTTP API",
        description="The keys that open the HTTP API of a deployment on AWS. Only their digests are stored.",
        epilog="example: rollcall keys create camera --scope recognize --rate 120",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser(
        "create",
        help="make a key, and print it this once",
        description="Print a new key. It is shown this once; the deployment keeps what it needs to know it again.",
        epilog="example: rollcall keys create office --scope recognize --scope people:read",
    )
    create.add_argument("name", metavar="NAME", help="whom or what it is for")
    create.add_argument("--scope", choices=SCOPES, action="append", help="what it opens (default: recognize)")
    create.add_argument(
        "--rate",
        type=options.integer(1, 1_000_000),
        default=600,
        metavar="N",
        help="requests a minute (default: %(default)s)",
    )
    create.add_argument(
        "--days", type=options.integer(1, 3650), metavar="N", help="until it opens nothing any more (default: no end)"
    )
    everything = actions.add_parser(
        "list",
        help="the keys that there are",
        description="One line for each key: its id, whom it is for, requests a minute, scopes, and its end.",
        epilog="example: rollcall keys list --prefix rollcall",
    )
    revoke = actions.add_parser(
        "revoke",
        help="make a key open nothing",
        description="Delete a key: it is refused within seconds.",
        epilog="example: rollcall keys revoke 0123456789abcdef",
    )
    revoke.add_argument("key", metavar="ID", help="as `rollcall keys list` shows it")
    for action in (create, everything, revoke):
        options.add_deployment(action)


def _smoke(commands: Commands) -> None:
    parser = commands.add_parser(
        "smoke",
        help="prove that a deployment works, and leave nothing behind",
        description="Enroll two faces, upload a video and a photo, check the names and records that come out, ask the"
        " HTTP API if there is one, and remove all of it again. Two runs at once take turns.",
        epilog="example: rollcall smoke --prefix acme",
    )
    parser.add_argument(
        "--timeout",
        type=options.integer(10, 7200),
        default=900,
        metavar="SECONDS",
        help="for each answer; workers on Fargate may take minutes to start (default: %(default)s)",
    )
    api = parser.add_mutually_exclusive_group()
    api.add_argument("--no-api", action="store_true", help="leave the HTTP API out, as where it is inside a VPC alone")
    api.add_argument("--api-url", metavar="URL", help="where the HTTP API is (default: the stack's output ApiUrl)")
    parser.add_argument("--keep", action="store_true", help="remove nothing, to look at it; the next run removes it")
    options.add_embedder(parser)
    options.add_deployment(parser)


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder for the results")


def _add_media(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("media", metavar="MEDIA", nargs="+", type=Path, help="videos, photos, or folders of them")
