"""Every exception of the package is in one tree, and none reaches a user as a traceback."""

import importlib
import inspect
import os
import pkgutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pydantic import ValidationError

import rollcall
from rollcall.api.api_environment import Environment
from rollcall.api.http_errors import ApiError
from rollcall.cli import main as command
from rollcall.contracts import errors
from rollcall.contracts.errors import RollcallError
from rollcall.contracts.usage_error import UsageError
from rollcall.runtime.last_line import WHOLE

# exceptions that are not of the tree, with the reason
OTHERWISE: dict[str, str] = {}


def exceptions() -> Iterator[type[BaseException]]:
    for found in pkgutil.walk_packages(rollcall.__path__, "rollcall."):
        module = importlib.import_module(found.name)
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, BaseException) and kind.__module__ == module.__name__:
                yield kind


EXCEPTIONS = tuple(exceptions())


def test_there_are_exceptions_to_look_at() -> None:
    assert {RollcallError, UsageError, ApiError} < set(EXCEPTIONS)


@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: kind.__qualname__)
def test_every_exception_is_in_the_one_tree(kind: type[BaseException]) -> None:
    assert issubclass(kind, RollcallError) or kind.__name__ in OTHERWISE
    if kind.__module__ == errors.__name__:
        assert kind.__name__ in (errors.__doc__ or "")


def invalid_environment() -> ValidationError:
    with pytest.raises(ValidationError) as invalid:
        Environment.model_validate({"AWS_SECRET_ACCESS_KEY": "hidden-secret", "MIN_FACE": "hidden-secret"})
    return invalid.value


def made(kind: type[BaseException]) -> BaseException:
    """An error of this kind, whatever its constructor takes."""
    error = kind.__new__(kind, "a.mp4: no such file")
    error.args = ("a.mp4: no such file",)
    return error


OTHERS = (
    KeyError("name"),
    RuntimeError(),
    MemoryError(),
    RecursionError("too deep"),
    ImportError("no module"),
    FileNotFoundError(2, "No such file or directory", "a.mp4"),
    OSError("odd"),
    ClientError({"Error": {"Code": "Boom", "Message": "it does\nnot work"}}, "PutObject"),
    EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
    invalid_environment(),
)


@pytest.mark.parametrize("error", [*map(made, EXCEPTIONS), *OTHERS], ids=lambda error: type(error).__qualname__)
def test_whatever_escapes_a_command_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def execute(_: object) -> int:
        raise error

    monkeypatch.setattr("rollcall.cli.commands.status.execute", execute)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(threading, "excepthook", None)
    monkeypatch.delenv(WHOLE, raising=False)

    code = command.main(["status", "a.mp4"])

    told = capsys.readouterr().err
    assert code == (2 if isinstance(error, UsageError | ValidationError) else 1)
    assert told.startswith("rollcall: ") and told.count("\n") == 1 and len(told) > len("rollcall: \n")
    assert "Traceback" not in told and "hidden-secret" not in told


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        (["rollcall.api", "--port", "0"], {}, "api: JOBS_TABLE: Field required"),
        (["rollcall.runtime.worker", "x.handler"], {}, "worker: FUNCTION_NAME: Field required"),
        (["rollcall.weights", "--out", "/dev/null/models"], {}, "/dev/null"),
        (["rollcall", "status"], {"AWS_ENDPOINT_URL": "nowhere", "ROLLCALL_PREFIX": "t"}, "rollcall: "),
    ],
    ids=["api", "worker", "weights", "command"],
)
def test_a_server_or_worker_that_cannot_start_says_so_in_a_line(
    arguments: list[str], variables: dict[str, str], told: str, tmp_path: Path
) -> None:
    secret = {"AWS_SECRET_ACCESS_KEY": "hidden-secret", "AWS_ACCESS_KEY_ID": "a", "AWS_DEFAULT_REGION": "eu-west-1"}
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    ended = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=tmp_path,
        env=kept | secret | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode in {1, 2}
    assert told in ended.stderr and "Traceback" not in ended.stderr and "hidden-secret" not in ended.stderr
