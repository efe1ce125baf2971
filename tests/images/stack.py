"""The stack that `cdk deploy` would send, as its own functions see it: their environment, limits, queues and images."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.rehearsal import Clients, create
from infra.template import Place, Template
from rollcall.local.lambda_host.process_environment import ACCOUNT, REGION
from rollcall.local.own_clients import create_client
from rollcall.local.provision import QueueAddress
from rollcall.pipeline.description import Pipeline
from tests.infrastructure.read_back import read_back

ROOT = Path(__file__).parents[2]
CDK_PYTHON = ROOT / ".venv-cdk" / "bin" / "python"  # the CDK, and moto with its CloudFormation
NAME = "rollcall"


@dataclass(frozen=True, kw_only=True)
class Stack:
    """`told`: outputs in the place of those that moto cannot have."""

    document: Mapping[str, Any]
    template: Template
    components: Mapping[str, str]  # by the tag of the image: what was built for it
    told: Mapping[str, str] = field(default_factory=dict)

    @property
    def pipeline(self) -> Pipeline:
        """Nothing but what the template says: what is wrong there is wrong here."""
        return read_back(self.template, prefix=self.template.output("Prefix"), components=self.components)

    def provision(self, pipeline: Pipeline, *, s3: Any, sqs: Any, dynamodb: Any) -> Mapping[str, QueueAddress]:
        cloudformation = create_client("cloudformation", s3.meta.endpoint_url, s3.meta.region_name)
        clients = Clients(cloudformation=cloudformation, s3=s3, dynamodb=dynamodb)
        try:
            create(NAME, self.document, self.template, clients, told=self.told)
        finally:
            cloudformation.close()
        return {function.queue: _address(function.queue, sqs) for function in pipeline.functions}


def synthesize(folder: Path, *, region: str = REGION, **settings: str) -> Stack:
    """Synthesizes as the CDK command does: by the app of cdk.json, in the CDK's own environment."""
    environment = os.environ | {"CDK_OUTDIR": str(folder), "CDK_CONTEXT_JSON": json.dumps(settings)}
    subprocess.run([CDK_PYTHON, "-m", "infra.app"], cwd=ROOT, env=environment, check=True)
    document = json.loads((folder / "Rollcall.template.json").read_text())
    assets = json.loads((folder / "Rollcall.assets.json").read_text())["dockerImages"]
    return Stack(
        document=document,
        template=Template(document, Place(account=ACCOUNT, region=region)),
        components={
            destination["imageTag"]: asset["source"]["dockerBuildTarget"]
            for asset in assets.values()
            for destination in asset["destinations"].values()
        },
    )


def _address(queue: str, sqs: Any) -> QueueAddress:
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return QueueAddress(url=url, arn=arn)
