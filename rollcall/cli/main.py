"""The `rollcall` command, from what was typed to the exit code; the work is in `rollcall/cli/commands/`."""

import importlib
import io
import sys
from collections.abc import Sequence

from rollcall.cli.guarded import guarded
from rollcall.cli.parser import build_parser


def main(arguments: Sequence[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files are any bytes, a terminal is not
    return guarded(lambda: _execute(arguments))


def _execute(arguments: Sequence[str] | None) -> int:
    options = build_parser().parse_args(arguments)
    return int(importlib.import_module(f"rollcall.cli.commands.{options.command}").execute(options))
