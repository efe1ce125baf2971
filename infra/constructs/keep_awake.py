"""Keeps a queue's metrics coming. SQS ends them six hours after the last call, and the workers' alarms need them.

The call changes nothing: it sets a tag that the queue has (docs/decisions/0005-waking-workers.md).
"""

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.tags import PROJECT
from rollcall.pipeline.description import Function

EVERY = "rate(1 hour)"
ATTEMPTS = 3


def keep_awake(scope: Construct, function: Function, queue: sqs.Queue) -> None:
    name, value = PROJECT
    role = iam.Role(
        scope,
        f"{function.component}-awake-role",
        assumed_by=iam.ServicePrincipal(
            "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        ),
        description=f"Tags the queue of {function.component} of Rollcall",
    )
    role.add_to_policy(iam.PolicyStatement(actions=["sqs:TagQueue"], resources=[queue.queue_arn]))
    schedule = scheduler.CfnSchedule(
        scope,
        f"{function.component}-awake",
        name=f"{function.name}-awake",
        description=f"Keeps the metrics of {function.component}'s queue coming, for its workers to start in time.",
        schedule_expression=EVERY,
        flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
        target=scheduler.CfnSchedule.TargetProperty(
            arn=f"arn:{Aws.PARTITION}:scheduler:::aws-sdk:sqs:tagQueue",
            role_arn=role.role_arn,
            input=Stack.of(scope).to_json_string({"QueueUrl": queue.queue_url, "Tags": {name: value}}),
            retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(maximum_retry_attempts=ATTEMPTS),
        ),
    )
    schedule.node.add_dependency(role)
