"""`--stack NAME`: from a stack to the deployment's prefix."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.errors import UsageError
from local.stack_prefix import prefix_of_stack
from tests.infrastructure.conftest import DEFAULT_PREFIX, REGION


@pytest.fixture
def cloudformation(aws: Callable[[str], Any]) -> Any:
    return aws("cloudformation")


def create(cloudformation: Any, name: str, outputs: dict[str, Any]) -> None:
    template = {"Resources": {"queue": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))


def test_the_stack_that_is_deployed_tells_its_prefix(cloudformation: Any, default_document: dict[str, Any]) -> None:
    create(cloudformation, "deployed", {"Prefix": default_document["Outputs"]["Prefix"]})

    assert prefix_of_stack("deployed", cloudformation) == DEFAULT_PREFIX


def test_a_stack_that_is_not_there_is_named(cloudformation: Any) -> None:
    with pytest.raises(UsageError, match=f"--stack acme: no such stack in {REGION}"):
        prefix_of_stack("acme", cloudformation)


def test_a_stack_of_something_else_is_not_taken_for_one_of_rollcall(cloudformation: Any) -> None:
    create(cloudformation, "other", {"Name": {"Value": "x"}})

    with pytest.raises(UsageError, match="not a stack of Rollcall"):
        prefix_of_stack("other", cloudformation)
