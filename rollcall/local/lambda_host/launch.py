"""How a worker process is started: in this Python, or inside the function's container image."""

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollcall.contracts.errors import RollcallError
from rollcall.pipeline.description import Function, entry_point

MEGABYTE = 1024 * 1024
SANDBOX = "bwrap"  # bubblewrap
# of the worker's environment: what describes this Python, where an image has its own
OF_THIS_PYTHON = frozenset({"HOME", "LAMBDA_TASK_ROOT", "LANG", "PATH", "PYTHONPATH", "TMPDIR"})


class NotLaunchable(RollcallError):
    """An image or the program that would run it is missing."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """A process to start in `folder`, with `environment` and no other variables."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


Launch = Callable[[Function, Mapping[str, str], Path], Start]


def in_this_python(function: Function, environment: Mapping[str, str], scratch: Path) -> Start:
    # -P: the scratch folder, where uploads land, must not be a place to import from
    command = [sys.executable, "-P", "-m", "awslambdaric", function.handler]
    return Start(command=command, environment=environment, folder=scratch)


class InImage:
    """Runs the function's image as Lambda does: its own entry point, nothing writable but /tmp, no rights, not root.

    `folder` holds for each component what `docker/build.py` unpacks: `root/` and `config.json`. The scratch space is
    a file system in memory of the function's size, so it counts as memory too.
    """

    def __init__(self, folder: Path) -> None:
        sandbox = shutil.which(SANDBOX)
        if sandbox is None:
            raise NotLaunchable(f"{SANDBOX} is not installed; it runs the images (Debian: apt-get install bubblewrap)")
        self._folder = folder
        self._sandbox = sandbox

    def __call__(self, function: Function, environment: Mapping[str, str], scratch: Path) -> Start:
        image = self._folder / function.component
        config = _read_config(image)
        own = dict(entry.split("=", 1) for entry in config.get("Env", ()))
        given = {name: value for name, value in environment.items() if name not in OF_THIS_PYTHON}
        return Start(
            command=[
                *self._sandboxed(function, image / "root", config),
                *config["Entrypoint"],
                entry_point(function.handler),
            ],
            environment=own | given,
            folder=scratch,
        )

    def _sandboxed(self, function: Function, root: Path, config: Mapping[str, Any]) -> list[str]:
        user, _, group = config["User"].partition(":")
        return [
            *(
                self._sandbox,
                "--die-with-parent",
                "--unshare-user",
                "--unshare-pid",
                "--unshare-ipc",
                "--cap-drop",
                "ALL",
            ),
            *("--uid", user, "--gid", group or user),
            *("--ro-bind", str(root.absolute()), "/", "--ro-bind", "/sys", "/sys", "--proc", "/proc", "--dev", "/dev"),
            *("--size", str(function.scratch_mb * MEGABYTE), "--tmpfs", "/tmp"),
            *("--chdir", config["WorkingDir"], "--"),
        ]


def _read_config(image: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((image / "config.json").read_text())
    except FileNotFoundError as error:
        raise NotLaunchable(f"there is no image in {image}; build it with `make images`") from error
    return config
