"""Which prefix the deployment of a CloudFormation stack has."""

from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from local.errors import UsageError

OUTPUT = "Prefix"  # of infra/stack.py


def prefix_of_stack(stack: str, cloudformation: Any) -> str:
    try:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise UsageError(
            f"--stack {stack}: no such stack in {cloudformation.meta.region_name}; check the name, account and region"
        ) from error
    except ResponseParserError as error:
        raise UsageError(
            f"--stack {stack}: {cloudformation.meta.endpoint_url} does not offer CloudFormation; give --prefix instead"
        ) from error
    for output in described.get("Outputs", []):
        if output["OutputKey"] == OUTPUT:
            return str(output["OutputValue"])
    raise UsageError(f"--stack {stack}: not a stack of Rollcall, it has no output {OUTPUT}")
