"""Synthesizes context to a CloudFormation template that has passed cdk-nag's AwsSolutions rules and our own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, Validations
from aws_cdk.cx_api import CloudAssembly
from cdk_nag import AwsSolutionsChecks

from infra.rules import broken
from infra.stack import RollcallStack
from rollcall.pipeline.deployment_errors import FindingsLeft, Refused
from rollcall.pipeline.deployment_settings import Deployment

SOURCE = Path(__file__).resolve().parent.parent


def synthesize(
    context: Mapping[str, Any] | None = None, *, source: Path = SOURCE, output: Path | None = None
) -> CloudAssembly:
    """The CDK command passes context and output folder by itself; raises BadSettings, FindingsLeft or Refused."""
    try:
        assembly = _synthesize(context, source=source, output=output)
    except RuntimeError as error:  # all that jsii raises
        said = str(error)
        if "ValidationFailed" in said:
            raise FindingsLeft("cdk-nag has findings: put them right, or acknowledge them with a reason") from None
        raise Refused(f"The CDK refuses: {said.strip().splitlines()[0]}") from error
    for stack in assembly.stacks:
        if findings := broken(json.loads(Path(stack.template_full_path).read_text())):
            raise FindingsLeft("\n".join(["AWS would refuse this template:", *findings]))
    return assembly


def _synthesize(context: Mapping[str, Any] | None, *, source: Path, output: Path | None) -> CloudAssembly:
    app = App(context=context, outdir=None if output is None else str(output))
    deployment = Deployment.from_context(app.node.get_all_context())
    RollcallStack(app, "Rollcall", deployment=deployment, source=source)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app.synth()
