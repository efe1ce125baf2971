"""Checks what a deployment needs: an account, its bootstrap, a builder of images, somebody to ask."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from rollcall.pipeline.deployment_errors import NotReady

BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"  # the parameter that `cdk bootstrap` leaves behind
NEVER = "never"
REFUSALS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
# as docker/Dockerfile does: only BuildKit knows such a mount, and it leaves out the stage that nothing needs
PROBE = "FROM scratch AS unused\nRUN --mount=type=secret,id=none true\nFROM scratch\nLABEL probe=rollcall\n"
OTHERWISE = "CDK_DOCKER names another builder with Docker's command line; image_repository and image_tag need none."
# as Docker and Python say it, as the setting does
ARCHITECTURES = {"amd64": "x86_64", "x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def require_account(session: boto3.Session) -> str:
    """The region that everything is in."""
    if session.get_credentials() is None:
        raise NotReady(
            "There are no AWS credentials. Sign in (`aws configure`, or `aws sso login`), or set AWS_PROFILE,"
            " or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; then try again."
        )
    if session.region_name is None:
        raise NotReady("There is no AWS region. Set AWS_REGION, for example to eu-west-1; then try again.")
    return session.region_name


def require_bootstrap(session: boto3.Session) -> None:
    """A caller who may not read the parameter may still deploy by the roles that the bootstrap made."""
    ssm = session.client("ssm")
    try:
        ssm.get_parameter(Name=BOOTSTRAP)
    except ssm.exceptions.ParameterNotFound:
        raise NotReady(
            f"The CDK has not been used in this account and {session.region_name} before."
            " Run `make bootstrap` once: it makes a bucket, a repository and roles for deployments."
        ) from None
    except ClientError as error:
        if error.response["Error"]["Code"] not in REFUSALS:
            raise
        note(f"you may not read {BOOTSTRAP}, so whether `make bootstrap` has run is not known; going on")


def require_answer(approve: str | None) -> None:
    """The CDK command asks before permissions grow, on a terminal alone, and only after the images are built."""
    if approve != NEVER and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NotReady(
            "There is no terminal to ask on before permissions change. Set APPROVE=never to deploy without a question"
            " (`make diff` shows the changes first), or run this in a terminal."
        )


def require_builder(architecture: str) -> None:
    docker = os.environ.get("CDK_DOCKER") or "docker"
    if shutil.which(docker) is None:
        raise NotReady(f"{docker} is missing, and the functions' images are built with it. Install it. {OTHERWISE}")
    asked = _run(docker, "info")
    if asked.returncode != 0:
        said = asked.stderr.strip() or f"`{docker} info` ends with {asked.returncode}"
        raise NotReady(f"{docker} cannot build here: {said.splitlines()[0]}. Start its engine. {OTHERWISE}")
    _require_buildkit(docker)
    _warn_of_emulation(docker, architecture)


def _require_buildkit(docker: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Dockerfile").write_text(PROBE)
        asked = _run(docker, "build", "--quiet", folder)
    if asked.returncode == 0:
        return
    said = asked.stderr.strip() or asked.stdout.strip() or f"`{docker} build` ends with {asked.returncode}"
    if not any(word in said.lower() for word in ("buildkit", "buildx", "unknown flag: mount")):
        raise NotReady(f"{docker} cannot build here: {said.splitlines()[-1]} {OTHERWISE}")
    raise NotReady(
        f"{docker} builds without BuildKit here, and docker/Dockerfile needs it. {_remedy(said)} {OTHERWISE}"
    )


def _remedy(said: str) -> str:
    if os.environ.get("DOCKER_BUILDKIT") == "0":
        return "DOCKER_BUILDKIT=0 switches it off: unset it."
    if "buildx" in said.lower():
        return "Install Docker's buildx plugin (the package docker-buildx-plugin or docker-buildx)."
    return "Install Docker 23 or newer with its buildx plugin, or set DOCKER_BUILDKIT=1."


def _warn_of_emulation(docker: str, architecture: str) -> None:
    asked = _run(docker, "info", "--format", "{{.Architecture}}")
    host = ARCHITECTURES.get(asked.stdout.strip()) or ARCHITECTURES.get(platform.machine())
    if host is not None and host != architecture:
        note(
            f"{docker} builds {architecture} images on {host} by emulation, which takes several times as long and needs"
            f" QEMU (docs/images.md); architecture={host} builds them natively, if that will do"
        )


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def note(message: str) -> None:
    print(f"note: {message}", file=sys.stderr)
