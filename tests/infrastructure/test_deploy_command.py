"""The CDK command itself bootstraps an account and deploys the stack: what `make bootstrap` and `make deploy` start."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.node import FOLDER, NODE, NPX, pinned_command
from infra.rehearsal import LEFT_OUT, Clients, bend_assembly, complete
from infra.template import Template
from tests.infrastructure.conftest import ACCOUNT, DEFAULT_PREFIX, PLACE, REGION, Synthesize, moto_server

KEYS: dict[str, Any] = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


@pytest.fixture
def endpoint() -> Iterator[str]:
    with moto_server() as url:
        yield url.replace("127.0.0.1", "localhost")


def test_the_cdk_command_deploys_the_stack(endpoint: str, synthesize: Synthesize, tmp_path: Path) -> None:
    environment = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": KEYS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": KEYS["aws_secret_access_key"],
        "CDK_HOME": str(tmp_path),  # where it remembers accounts
    }
    if cdk("--version", environment=environment).returncode != 0:
        pytest.skip("npm's registry cannot be reached: the CDK command comes from there")
    document, assembly = synthesize({})
    bend_assembly(assembly)

    bootstrapped = cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", environment=environment)
    deployed = cdk("deploy", "--app", str(assembly), "--require-approval", "never", environment=environment)

    assert bootstrapped.returncode == 0, bootstrapped.stderr
    assert deployed.returncode == 0, deployed.stderr
    aws = boto3.Session(region_name=REGION, **KEYS)
    clients = Clients(
        cloudformation=aws.client("cloudformation", endpoint_url=endpoint),
        s3=aws.client("s3", endpoint_url=endpoint),
        dynamodb=aws.client("dynamodb", endpoint_url=endpoint),
    )
    complete("rollcall", Template(document, PLACE), clients)
    resources = clients.cloudformation.describe_stack_resources(StackName="rollcall")["StackResources"]
    known = [entry["Type"] for entry in document["Resources"].values() if entry["Type"] not in LEFT_OUT]
    assert sorted(resource["ResourceType"] for resource in resources) == sorted(known)
    notified = clients.s3.get_bucket_notification_configuration(Bucket=f"{DEFAULT_PREFIX}-input")["QueueConfigurations"]
    assert [entry["QueueArn"].rpartition(":")[2] for entry in notified] == [f"{DEFAULT_PREFIX}-split"]


def cdk(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """An environment with nothing of the user's own AWS configuration."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nothing = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    path = {"PATH": os.pathsep.join((str(FOLDER), own["PATH"])), "npm_config_fetch_retries": "0"}
    return subprocess.run(
        [str(NODE), str(NPX), "--yes", pinned_command(), *arguments],
        env=own | nothing | path | dict(environment),
        cwd=environment["CDK_HOME"],  # where there is no cdk.json
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
