"""What a stack cannot do by itself: stop the functions and empty the buckets, because S3 deletes only empty ones."""

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from infra.errors import NotReady

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client

CHECKS = 36
CHECK_SECONDS = 5  # it takes AWS about a minute


def passing_buckets(stack: str, cloudformation: "CloudFormationClient") -> Iterator[str]:
    """The buckets that the deployed template itself says are deleted with the stack; those that are kept stay full."""
    template = _template(stack, cloudformation)
    for resource in _existing(stack, "AWS::S3::Bucket", cloudformation):
        if template["Resources"][resource["LogicalResourceId"]].get("DeletionPolicy", "Delete") == "Delete":
            yield resource["PhysicalResourceId"]


def stop_functions(stack: str, cloudformation: "CloudFormationClient", functions: "LambdaClient") -> None:
    """Their queues start no more work, which would write into buckets that are being deleted; what is begun ends."""
    mappings = [
        resource["PhysicalResourceId"]
        for resource in _existing(stack, "AWS::Lambda::EventSourceMapping", cloudformation)
    ]
    for mapping in mappings:
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    for _ in range(CHECKS):
        if all(functions.get_event_source_mapping(UUID=mapping)["State"] == "Disabled" for mapping in mappings):
            return
        time.sleep(CHECK_SECONDS)
    raise NotReady(f"the queues of {stack} could not be kept from starting functions: try again in a few minutes")


def _existing(stack: str, kind: str, cloudformation: "CloudFormationClient") -> Iterator["StackResourceSummaryTypeDef"]:
    """In pages: the call that gives them all at once stops after a hundred."""
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == kind and resource["ResourceStatus"] != "DELETE_COMPLETE":
                yield resource


def _template(stack: str, cloudformation: "CloudFormationClient") -> dict[str, Any]:
    body: Any = cloudformation.get_template(StackName=stack)["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return template


def empty(bucket: str, s3: "S3Client") -> None:
    """Every object, every version of it, every delete marker."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        doomed = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if doomed:
            keys: Any = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in doomed]
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
            for error in answer.get("Errors", ()):
                raise NotReady(f"{bucket}/{error.get('Key')} could not be deleted: {error.get('Message')}")
