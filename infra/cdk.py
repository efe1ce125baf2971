"""Deploys Rollcall to the AWS account whose credentials are in use, shows what would change, or takes it down again.

Settings are given as name=value, for example alarm_email=ops@example.org; docs/deploy.md lists them.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3

from infra import preflight, teardown
from infra.ending import ended
from infra.node import FOLDER, NODE, NPX, pinned_command, use_packaged_node
from infra.quota import fit_quota
from rollcall.pipeline.deployment_errors import BadSettings
from rollcall.pipeline.deployment_settings import Deployment
from rollcall.pipeline.setting_faults import no_such_setting
from rollcall.runtime.region import region_of

ROOT = Path(__file__).resolve().parent.parent
APPROVALS = ("never", "broadening", "any-change")  # as the CDK command names when it asks


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    return ended("infra.cdk", lambda: _execute(options))


def _execute(options: argparse.Namespace) -> int:
    context = _context(options.settings)
    return _run(options, context, Deployment.from_context(context))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.cdk", description=__doc__)
    parser.add_argument("action", choices=("synth", "bootstrap", "diff", "deploy", "destroy"))
    parser.add_argument("settings", nargs="*", metavar="name=value")
    parser.add_argument("--confirm", metavar="STACK", help="destroy this stack without asking")
    parser.add_argument("--approve", choices=APPROVALS, help="when `deploy` asks before permissions change")
    parser.add_argument(
        "--adopt", action="store_true", help="`deploy` takes over the buckets and tables that an earlier stack left"
    )
    return parser


def _context(settings: Sequence[str]) -> dict[str, Any]:
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    for setting in settings:
        name, separator, value = setting.partition("=")
        if not separator:
            raise BadSettings(f"{setting}: give settings as name=value, for example prefix=acme-rollcall")
        if name not in Deployment.model_fields:
            raise BadSettings(no_such_setting(name, Deployment.model_fields))
        context[name] = value
    return context


def _run(options: argparse.Namespace, context: Mapping[str, Any], deployment: Deployment) -> int:
    if options.action == "synth":
        return _synth(context)
    session = boto3.Session(region_name=region_of(os.environ))
    region = preflight.require_account(session)
    deployment.require_region(region)
    if options.action == "destroy":
        return _destroy(context, deployment, session, confirmed=options.confirm)
    if options.action == "deploy":
        return _deploy(options, context, deployment, session)
    if options.action == "diff":
        preflight.require_bootstrap(session)
        context = fit_quota(context, deployment, session.client("lambda"))
    return _cdk(options.action, context, region)


def _deploy(
    options: argparse.Namespace, context: Mapping[str, Any], deployment: Deployment, session: boto3.Session
) -> int:
    preflight.require_answer(options.approve)
    preflight.require_bootstrap(session)
    if not deployment.image_repository:
        preflight.require_builder(deployment.architecture)
    chosen = ["--require-approval", options.approve] if options.approve else []
    chosen += ["--import-existing-resources"] if options.adopt else []
    fitting = fit_quota(context, deployment, session.client("lambda"))
    code = _cdk("deploy", fitting, session.region_name, *chosen)
    if code == 0:
        print(f"Deployed. To prove that it works, and leave nothing behind: {_smoke(deployment)}")
    return code


def _smoke(deployment: Deployment) -> str:
    """The command that finds this deployment again."""
    if deployment.input_bucket or deployment.stage_1_bucket or deployment.output_bucket:
        return f"make smoke STACK={deployment.stack_name}"
    return f"make smoke PREFIX={deployment.prefix}" if deployment.prefix else "make smoke"


def _synth(context: Mapping[str, Any]) -> int:
    use_packaged_node()
    importlib.import_module("infra.synthesis").synthesize(context, output=ROOT / "cdk.out")
    return 0


def _destroy(
    context: Mapping[str, Any], deployment: Deployment, session: boto3.Session, *, confirmed: str | None
) -> int:
    stack, cloudformation = deployment.stack_name, session.client("cloudformation")
    buckets = list(teardown.passing_buckets(stack, cloudformation))
    protected = teardown.is_protected(stack, cloudformation)
    print(f"Stack {stack} will be deleted, and with it all that is in {', '.join(buckets) or 'no bucket'}.")
    if kept := list(teardown.kept_stores(stack, cloudformation)):
        print(f"These stay, with all that is in them: {', '.join(kept)}.")
    if protected:
        print("The stack is protected from deletion; whoever goes on lifts that.")
    try:
        answer = input(f"Type {stack} to go on: ") if confirmed is None else confirmed
    except EOFError:
        print(f"\nnothing was deleted: nobody is there to be asked (CONFIRM={stack} goes on without)")
        return 1
    if answer != stack:
        print("nothing was deleted: the stack's name was not given")
        return 1
    if protected:
        teardown.give_up_protection(stack, cloudformation)
    teardown.stop_functions(stack, cloudformation, session.client("lambda"))
    teardown.stop_services(stack, cloudformation, session.client("ecs"), session.client("application-autoscaling"))
    for bucket in buckets:
        teardown.empty(bucket, session.client("s3"))
    return _cdk("destroy", context, session.region_name, "--force")  # asked for above, before buckets were emptied


def _cdk(action: str, context: Mapping[str, Any], region: str, *options: str) -> int:
    given = [
        argument for name, value in context.items() if isinstance(value, str) for argument in ("-c", f"{name}={value}")
    ]
    command = [str(NODE), str(NPX), "--yes", pinned_command(), action, *given, *options]
    path = os.pathsep.join((str(FOLDER), os.environ.get("PATH", os.defpath)))
    environment = os.environ | {"PATH": path, "AWS_REGION": region}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
