"""Deploys Rollcall to the AWS account whose credentials are in use, shows what would change, or takes it down again.

Settings are given as name=value, for example alarm_email=ops@example.org; docs/deploy.md lists them.
"""

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra import teardown
from infra.errors import BadSettings, FindingsLeft, NotReady, Refused
from infra.node import FOLDER, NODE, NPX, use_packaged_node
from infra.quota import fit_quota
from infra.settings import Deployment, no_such_setting

ROOT = Path(__file__).resolve().parent.parent
CDK = "aws-cdk@^2.1148"  # npm's `latest` is 3, which cannot read what this version of the library writes
BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"  # the parameter that `cdk bootstrap` leaves behind
USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        context = _context(options.settings)
        return _run(options.action, context, Deployment.from_context(context), confirmed=options.confirm)
    except (BadSettings, FindingsLeft, NotReady, Refused) as error:
        print(error, file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(f"AWS refused: {error}", file=sys.stderr)
    return USAGE_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.cdk", description=__doc__)
    parser.add_argument("action", choices=("synth", "bootstrap", "diff", "deploy", "destroy"))
    parser.add_argument("settings", nargs="*", metavar="name=value")
    parser.add_argument("--confirm", metavar="STACK", help="destroy this stack without asking")
    return parser


def _context(settings: Sequence[str]) -> dict[str, Any]:
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    for setting in settings:
        name, separator, value = setting.partition("=")
        if not separator:
            raise BadSettings(f"{setting}: give settings as name=value, for example prefix=acme-rollcall")
        if name not in Deployment.model_fields:
            raise BadSettings(no_such_setting(name))
        context[name] = value
    return context


def _run(action: str, context: Mapping[str, Any], deployment: Deployment, *, confirmed: str | None) -> int:
    if action == "synth":
        return _synth(context)
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))  # which boto3, unlike the CDK, does not read
    deployment.require_region(_require_account(session))
    if action == "bootstrap":
        return _cdk("bootstrap", context)
    if action == "destroy":
        return _destroy(context, deployment, session, confirmed=confirmed)
    _require_bootstrap(session)
    if action == "deploy" and not deployment.image_repository:
        _require_docker()
    return _cdk(action, fit_quota(context, deployment, session.client("lambda")))


def _synth(context: Mapping[str, Any]) -> int:
    use_packaged_node()
    importlib.import_module("infra.synthesis").synthesize(context, output=ROOT / "cdk.out")
    return 0


def _destroy(
    context: Mapping[str, Any], deployment: Deployment, session: boto3.Session, *, confirmed: str | None
) -> int:
    stack, cloudformation = deployment.stack_name, session.client("cloudformation")
    buckets = list(teardown.passing_buckets(stack, cloudformation))
    print(f"Stack {stack} will be deleted, and with it all that is in {', '.join(buckets) or 'no bucket'}.")
    try:
        answer = input(f"Type {stack} to go on: ") if confirmed is None else confirmed
    except EOFError:
        print(f"\nnothing was deleted: nobody is there to be asked (CONFIRM={stack} goes on without)")
        return 1
    if answer != stack:
        print("nothing was deleted: the stack's name was not given")
        return 1
    teardown.stop_functions(stack, cloudformation, session.client("lambda"))
    for bucket in buckets:
        teardown.empty(bucket, session.client("s3"))
    return _cdk("destroy", context, "--force")  # asked for above, before the buckets were emptied


def _require_account(session: boto3.Session) -> str:
    """The region that everything is in."""
    if session.get_credentials() is None:
        raise NotReady(
            "There are no AWS credentials. Sign in (`aws configure`, or `aws sso login`), or set AWS_PROFILE,"
            " or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; then try again."
        )
    if session.region_name is None:
        raise NotReady("There is no AWS region. Set AWS_REGION, for example to eu-west-1; then try again.")
    return session.region_name


def _require_bootstrap(session: boto3.Session) -> None:
    ssm = session.client("ssm")
    try:
        ssm.get_parameter(Name=BOOTSTRAP)
    except ssm.exceptions.ParameterNotFound:
        raise NotReady(
            f"The CDK has not been used in this account and {session.region_name} before."
            " Run `make bootstrap` once: it makes a bucket, a repository and roles for deployments."
        ) from None


def _require_docker() -> None:
    docker = os.environ.get("CDK_DOCKER", "docker")
    otherwise = "CDK_DOCKER names another builder with Docker's command line; image_repository and image_tag need none."
    if shutil.which(docker) is None:
        raise NotReady(f"{docker} is missing, and the functions' images are built with it. Install it. {otherwise}")
    asked = subprocess.run([docker, "info"], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        said = asked.stderr.strip() or f"`{docker} info` ends with {asked.returncode}"
        raise NotReady(f"{docker} cannot build here: {said.splitlines()[0]}\nStart its engine. {otherwise}")


def _cdk(action: str, context: Mapping[str, Any], *options: str) -> int:
    given = [
        argument for name, value in context.items() if isinstance(value, str) for argument in ("-c", f"{name}={value}")
    ]
    command = [str(NODE), str(NPX), "--yes", CDK, action, *given, *options]
    environment = os.environ | {"PATH": os.pathsep.join((str(FOLDER), os.environ.get("PATH", os.defpath)))}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
