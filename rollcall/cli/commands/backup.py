"""`rollcall backup`: all that `rollcall up` keeps, in one file."""

import argparse
from pathlib import Path

from rollcall.cli.preparation import note
from rollcall.contracts.usage_error import UsageError
from rollcall.local.store.store_backup import back_up
from rollcall.local.store.store_errors import StoreError


def execute(options: argparse.Namespace) -> int:
    data = data_folder_of(options)
    try:
        files = back_up(data, options.file)
    except StoreError as error:
        raise UsageError(str(error)) from None
    size = options.file.stat().st_size
    note(f"{options.file} holds {data}: {files:,} files of objects, {size / 1024**2:,.1f} MB")
    return 0


def data_folder_of(options: argparse.Namespace) -> Path:
    if options.data is None:
        raise UsageError("--data memory keeps nothing: choose a folder")
    folder: Path = options.data
    return folder
