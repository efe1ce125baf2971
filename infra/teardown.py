"""Does what a stack cannot do itself: stops its work, lifts its protection, and empties the buckets that go."""

import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from rollcall.pipeline.deployment_errors import NotReady

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.literals import DesiredStatusType
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client

CHECKS = 60
CHECK_SECONDS = 5  # it takes AWS about a minute; a task has two minutes to end
_DESIRED: "tuple[DesiredStatusType, ...]" = ("RUNNING", "STOPPED")
TASKS_DESCRIBED = 100  # at most, by one call


def passing_buckets(stack: str, cloudformation: "CloudFormationClient") -> Iterator[str]:
    """The buckets that the deployed template itself says are deleted with the stack; those that are kept stay full."""
    return _stores("AWS::S3::Bucket", stack, cloudformation, passing=True)


def kept_stores(stack: str, cloudformation: "CloudFormationClient") -> Iterator[str]:
    """The buckets and tables that stay, the tables guarded from deletion as they are."""
    for kind in ("AWS::S3::Bucket", "AWS::DynamoDB::Table"):
        yield from _stores(kind, stack, cloudformation, passing=False)


def _stores(kind: str, stack: str, cloudformation: "CloudFormationClient", *, passing: bool) -> Iterator[str]:
    template = _template(stack, cloudformation)
    for resource in _existing(stack, kind, cloudformation):
        policy = template["Resources"][resource["LogicalResourceId"]].get("DeletionPolicy", "Delete")
        if (policy == "Delete") == passing:
            yield resource["PhysicalResourceId"]


def is_protected(stack: str, cloudformation: "CloudFormationClient") -> bool:
    """Whether CloudFormation refuses to delete it."""
    (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    return described.get("EnableTerminationProtection", False)


def give_up_protection(stack: str, cloudformation: "CloudFormationClient") -> None:
    cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=False)


def stop_functions(stack: str, cloudformation: "CloudFormationClient", functions: "LambdaClient") -> None:
    """Keeps queues and requests from starting work, which would write into buckets that go; work in hand ends."""
    mappings = [
        resource["PhysicalResourceId"]
        for resource in _existing(stack, "AWS::Lambda::EventSourceMapping", cloudformation)
    ]
    for mapping in mappings:
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    for function in _existing(stack, "AWS::Lambda::Function", cloudformation):
        functions.put_function_concurrency(FunctionName=function["PhysicalResourceId"], ReservedConcurrentExecutions=0)
    _wait(
        lambda: all(functions.get_event_source_mapping(UUID=mapping)["State"] == "Disabled" for mapping in mappings),
        f"the queues of {stack} could not be kept from starting functions",
    )


def stop_services(
    stack: str, cloudformation: "CloudFormationClient", ecs: "ECSClient", scaling: "ApplicationAutoScalingClient"
) -> None:
    """Ends workers and servers on ECS after the work in hand; auto scaling starts no others."""
    services = [resource["PhysicalResourceId"] for resource in _existing(stack, "AWS::ECS::Service", cloudformation)]
    for service in services:
        _suspend_scaling(service, scaling)
        ecs.update_service(cluster=_cluster(service), service=service, desiredCount=0)
    _wait(
        lambda: not any(_has_tasks(service, ecs) for service in services),
        f"the tasks of {stack} on ECS have not ended",
    )


def _suspend_scaling(service: str, scaling: "ApplicationAutoScalingClient") -> None:
    resource = service.rpartition(":")[2]  # service/<cluster>/<name>
    targets = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource])["ScalableTargets"]
    for target in targets:
        scaling.register_scalable_target(
            ServiceNamespace="ecs",
            ResourceId=resource,
            ScalableDimension=target["ScalableDimension"],
            SuspendedState={
                "DynamicScalingInSuspended": True,
                "DynamicScalingOutSuspended": True,
                "ScheduledScalingSuspended": True,
            },
        )


def _has_tasks(service: str, ecs: "ECSClient") -> bool:
    """Tasks that still work. ECS lists tasks that it has told to end as stopped, but they work for two more minutes."""
    cluster, name = _cluster(service), service.rpartition("/")[2]
    tasks = [
        task
        for status in _DESIRED
        for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster, serviceName=name, desiredStatus=status)
        for task in page["taskArns"]
    ]
    return any(
        task["lastStatus"] != "STOPPED"
        for start in range(0, len(tasks), TASKS_DESCRIBED)
        for task in ecs.describe_tasks(cluster=cluster, tasks=tasks[start : start + TASKS_DESCRIBED])["tasks"]
    )


def _cluster(service: str) -> str:
    """Cluster and name in a service's ARN, which ends in `service/<cluster>/<name>`."""
    return service.split("/")[-2]


def _wait(done: Callable[[], bool], otherwise: str) -> None:
    for _ in range(CHECKS):
        if done():
            return
        time.sleep(CHECK_SECONDS)
    raise NotReady(f"{otherwise}: try again in a few minutes")


def _existing(stack: str, kind: str, cloudformation: "CloudFormationClient") -> Iterator["StackResourceSummaryTypeDef"]:
    """All resources, page by page: the call that gives all at once stops after a hundred."""
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
