"""`rollcall restore`: what a backup holds, in a folder for `rollcall up`."""

import argparse

from rollcall.cli.commands.backup import data_folder_of
from rollcall.cli.preparation import note
from rollcall.contracts.usage_error import UsageError
from rollcall.local.store.store_backup import restore
from rollcall.local.store.store_errors import StoreError


def execute(options: argparse.Namespace) -> int:
    data = data_folder_of(options)
    try:
        files = restore(options.file, data)
    except StoreError as error:
        raise UsageError(str(error)) from None
    note(f"{data} holds {files:,} files of objects again; start it with `rollcall up --data {data}`")
    return 0
