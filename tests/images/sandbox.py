"""One command inside an image, under the limits that the Lambda host gives its workers."""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from infra.pipeline import Settings, describe
from local.lambda_host.launch import InImage


def run_in(image: Path, command: Sequence[str], *, scratch_mb: int = 512) -> subprocess.CompletedProcess[str]:
    functions = {function.component: function for function in describe(Settings()).functions}
    start = InImage(image.parent)(replace(functions[image.name], scratch_mb=scratch_mb), {}, image)
    sandboxed = start.command[: list(start.command).index("--") + 1]
    return subprocess.run(
        [*sandboxed, *command], env=dict(start.environment), capture_output=True, text=True, timeout=60, check=False
    )
