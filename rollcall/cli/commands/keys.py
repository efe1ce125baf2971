"""`rollcall keys`: who may ask the HTTP API of a deployment."""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime

from rollcall.api.api_keys import ApiKey, ApiKeyStore
from rollcall.cli.deployment import open_deployment
from rollcall.cli.preparation import note
from rollcall.cli.show.listing import print_listing
from rollcall.contracts.shown_text import printable
from rollcall.contracts.usage_error import UsageError

DAY_SECONDS = 86_400


def execute(options: argparse.Namespace) -> int:
    with open_deployment(options) as deployment:
        ACTIONS[options.action](ApiKeyStore(deployment.table("api-keys")), options)
    return 0


def create(keys: ApiKeyStore, options: argparse.Namespace) -> None:
    expires = None if options.days is None else int(time.time()) + options.days * DAY_SECONDS
    key, text = keys.create(options.name, options.scope or ["recognize"], per_minute=options.rate, expires=expires)
    note(f"key {key.id} of {printable(options.name)}; it is shown once and cannot be shown again")
    print(text, flush=True)


def list_keys(keys: ApiKeyStore, options: argparse.Namespace) -> None:
    found = sorted(keys.all(), key=lambda key: (key.name, key.id))
    if found:
        print_listing(("id", "name", "a minute", "scopes", "ends"), map(_row, found))
    else:
        print("there are no keys: nobody can ask")


def _row(key: ApiKey) -> tuple[str, str, str, str, str]:
    ends = "-" if key.expires is None else datetime.fromtimestamp(key.expires, UTC).strftime("%Y-%m-%d")
    return key.id, key.name, str(key.per_minute), " ".join(sorted(key.scopes)), ends


def revoke(keys: ApiKeyStore, options: argparse.Namespace) -> None:
    if not keys.revoke(options.key):
        raise UsageError(f"there is no key {options.key}; `rollcall keys list` shows those that there are")
    print(f"revoked {printable(options.key)}: it is refused within seconds")


ACTIONS: dict[str, Callable[[ApiKeyStore, argparse.Namespace], None]] = {
    "create": create,
    "list": list_keys,
    "revoke": revoke,
}
