"""Commands inside an image: for a moment, or for as long as a container runs, under the limits of its function."""

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from rollcall.local.lambda_host.launch import InImage, Launch
from rollcall.local.lambda_host.process_environment import ACCESS_KEY, REGION, SECRET_KEY
from rollcall.local.lambda_host.processes import peak_megabytes
from rollcall.pipeline.description import (
    Api,
    Authorizer,
    Function,
    describe,
    image_of,
)
from rollcall.pipeline.settings import Settings

PATIENCE = 60  # seconds


def function_of(component: str, settings: Settings) -> Function:
    """What the image is run as."""
    described = describe(replace(settings, api="lambda"))
    assert described.api is not None
    functions = (*described.functions, as_function(described.api))
    (found,) = (function for function in functions if function.component == component)
    return found


def run_in(image: Path, command: Sequence[str], *, scratch_mb: int = 512) -> subprocess.CompletedProcess[str]:
    function = replace(function_of(image.name, Settings()), scratch_mb=scratch_mb)
    start = InImage(image.parent)(function, {}, image)
    return subprocess.run(
        [*_sandbox(start.command), "--", *command],
        env=dict(start.environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@dataclass(frozen=True)
class Container:
    sandbox: "subprocess.Popen[bytes]"

    def terminate(self) -> int:
        """The exit code after SIGTERM."""
        (first,) = psutil.Process(self.sandbox.pid).children()
        first.send_signal(signal.SIGTERM)
        return self.sandbox.wait(timeout=PATIENCE)

    def peak_megabytes(self) -> float:
        """At most: no two processes need have had their peak at the same time."""
        processes = psutil.Process(self.sandbox.pid).children(recursive=True)
        return sum(peak_megabytes(process.pid) for process in processes)


@contextmanager
def container(
    images: Path,
    function: Function,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    launch: Launch | None = None,
) -> Iterator[Container]:
    """Runs the image as ECS does: the command is the first process, without one above it to pass on signals."""
    start = (launch or InImage(images))(function, function.environment | dict(environment), images)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_sandbox(start.command), "--as-pid-1", "--", *command],
            env=dict(start.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    with process:
        try:
            yield Container(process)
        finally:
            process.kill()


def cloud_environment(endpoint_url: str, region: str = REGION) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": region,
    }


def _sandbox(command: Sequence[str]) -> Sequence[str]:
    return command[: list(command).index("--")]


def as_function(api: Api | Authorizer) -> Function:
    """Neither has a queue; the rest is a function's."""
    return Function(
        name=api.name,
        component=image_of(api),
        handler=api.handler,
        timeout=api.timeout,
        memory_mb=api.memory_mb,
        scratch_mb=api.scratch_mb,
        queue="",
        batch_size=1,
        max_concurrency=1,
        environment=api.environment,
    )
