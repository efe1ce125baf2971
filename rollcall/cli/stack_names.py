"""Which prefix and buckets the deployment of a CloudFormation stack has."""

from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from rollcall.contracts.usage_error import UsageError
from rollcall.pipeline.settings import Settings


class NoSuchStack(UsageError):
    """CloudFormation has no stack of that name in this account and region."""


def names_of_stack(stack: str, cloudformation: Any) -> Settings:
    """The names that the stack's outputs tell (see infra/stack.py)."""
    outputs = outputs_of_stack(stack, cloudformation)
    if "Prefix" not in outputs:
        raise UsageError(f"--stack {stack}: not a stack of Rollcall, it has no output Prefix")
    return Settings(
        prefix=outputs["Prefix"],
        input_bucket=outputs.get("inputbucket"),
        stage_1_bucket=outputs.get("stage1bucket"),
        output_bucket=outputs.get("outputbucket"),
    )


def outputs_of_stack(stack: str, cloudformation: Any) -> dict[str, str]:
    try:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NotImplemented":  # the local cloud
            raise _no_cloudformation(stack, cloudformation) from error
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise NoSuchStack(
            f"--stack {stack}: no such stack in {cloudformation.meta.region_name}; check the name, account and region"
        ) from error
    except ResponseParserError as error:
        raise _no_cloudformation(stack, cloudformation) from error
    return {output["OutputKey"]: str(output["OutputValue"]) for output in described.get("Outputs", [])}


def _no_cloudformation(stack: str, cloudformation: Any) -> UsageError:
    return UsageError(
        f"--stack {stack}: {cloudformation.meta.endpoint_url} does not offer CloudFormation; give --prefix instead"
    )
