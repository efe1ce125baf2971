"""Whom `rollcall up` serves, as its options say."""

import argparse
from pathlib import Path

import pytest

from rollcall.cli.commands.up import serving_from
from rollcall.contracts.usage_error import UsageError


def asked(**options: object) -> argparse.Namespace:
    return argparse.Namespace(**({"data": None, "host": "127.0.0.1", "certificate": None, "key": None} | options))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_tls_for_this_machine_alone_is_refused_with_what_to_do(host: str) -> None:
    with pytest.raises(UsageError, match=r"^--certificate: .*--host"):
        serving_from(asked(host=host, certificate=Path("server.pem")))


def test_other_machines_need_credentials_that_are_kept(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose one with --data"):
        serving_from(asked(host="0.0.0.0"))
    assert serving_from(asked(host="0.0.0.0", data=tmp_path)).credentials.secret_key
