"""Emptying the buckets that go with a stack, because S3 deletes only empty ones."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from infra.errors import NotReady

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client


def passing_buckets(stack: str, cloudformation: "CloudFormationClient") -> Iterator[str]:
    """The buckets that the deployed template itself says are deleted with the stack; those that are kept stay full."""
    template = _template(stack, cloudformation)
    for resource in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]:
        policy = template["Resources"][resource["LogicalResourceId"]].get("DeletionPolicy", "Delete")
        if resource["ResourceType"] == "AWS::S3::Bucket" and policy == "Delete":
            yield resource["PhysicalResourceId"]


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
