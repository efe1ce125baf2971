"""`--stack NAME`: from a stack to the names of the deployment."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from rollcall.cli.stack_names import names_of_stack
from rollcall.contracts.usage_error import UsageError
from rollcall.pipeline.roles import BUCKET_ROLES
from tests.infrastructure.conftest import DEFAULT_PREFIX, REGION


@pytest.fixture
def cloudformation(aws: Callable[[str], Any]) -> Any:
    return aws("cloudformation")


def create(cloudformation: Any, name: str, outputs: dict[str, Any]) -> None:
    template = {"Resources": {"queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))


def test_the_stack_that_is_deployed_tells_its_names(cloudformation: Any, default_document: dict[str, Any]) -> None:
    told = ("Prefix", "inputbucket", "stage1bucket", "outputbucket")
    create(cloudformation, "deployed", {name: default_document["Outputs"][name] for name in told})

    names = names_of_stack("deployed", cloudformation)

    assert names.prefix == DEFAULT_PREFIX
    assert names.bucket_names == {role: f"{DEFAULT_PREFIX}-{role}" for role in BUCKET_ROLES}


def test_a_stack_that_is_not_there_is_named(cloudformation: Any) -> None:
    with pytest.raises(UsageError, match=f"--stack acme: no such stack in {REGION}"):
        names_of_stack("acme", cloudformation)


def test_a_stack_of_something_else_is_not_taken_for_one_of_rollcall(cloudformation: Any) -> None:
    create(cloudformation, "other", {"Name": {"Value": "x"}})

    with pytest.raises(UsageError, match="not a stack of Rollcall"):
        names_of_stack("other", cloudformation)
