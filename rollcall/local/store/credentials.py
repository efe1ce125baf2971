"""The credentials that a store asks for where other machines can reach it: made once, kept beside the data."""

import configparser
import os
import secrets
import string
from dataclasses import dataclass
from pathlib import Path

from rollcall.local.store.store_errors import StoreError

FILE = "store.credentials"
PROFILE = "default"
_LETTERS = string.ascii_uppercase + "234567"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    access_key: str
    secret_key: str

    def secret_of(self, access_key: str) -> str | None:
        return self.secret_key if access_key == self.access_key else None


def load_or_create(folder: Path) -> Credentials:
    """The file is one of AWS's own form: `AWS_SHARED_CREDENTIALS_FILE` may name it. Raises StoreError."""
    file = folder / FILE
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(file, _new())
    return _read(file)


def _new() -> Credentials:
    key = "AKIA" + "".join(secrets.choice(_LETTERS) for _ in range(16))
    return Credentials(access_key=key, secret_key=secrets.token_urlsafe(30))


def _write(file: Path, credentials: Credentials) -> None:
    text = (
        f"[{PROFILE}]\naws_access_key_id = {credentials.access_key}\naws_secret_access_key = {credentials.secret_key}\n"
    )
    new = file.with_name(f"{file.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(descriptor)
    new.replace(file)


def _read(file: Path) -> Credentials:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text())
        section = parser[PROFILE]
        return Credentials(access_key=section["aws_access_key_id"], secret_key=section["aws_secret_access_key"])
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError) as error:
        raise StoreError(
            f"{file} holds no credentials ({type(error).__name__}): remove it, and new ones are made"
        ) from None
