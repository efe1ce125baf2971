"""Auto scaling of services, and the schedule that keeps its metrics coming."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from infra.rules.rule import Rule, Stack, rule

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
SCHEDULE = "AWS::Scheduler::Schedule"
SERVICE = "AWS::ECS::Service"
MOST_STEPS = 20
READ_ONLY = ("get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read", "lookup")


@rule("autoscaling/application/APIReference/API_RegisterScalableTarget.html", TARGET, SERVICE)
def scalable_targets_name_a_service_that_is_there(stack: Stack) -> Iterator[str]:
    """Targets are made after their service: its name alone would not make CloudFormation wait."""
    services = {
        stack.filled({"Fn::Join": ["/", ["service", service["Cluster"], service["ServiceName"]]]}): name
        for name, service in stack.of(SERVICE)
    }
    for name, target in stack.of(TARGET):
        service = services.get(stack.filled(target["ResourceId"]))
        if service is None:
            yield f"{name} scales {stack.filled(target['ResourceId'])}, which is no service of this stack"
        elif service not in stack.waits_for(name):
            yield f"{name} does not depend on {service}"


@rule("autoscaling/application/APIReference/API_ScalableTarget.html", TARGET)
def scalable_targets_have_bounds(stack: Stack) -> Iterator[str]:
    for name, target in stack.of(TARGET):
        if not 0 <= target["MinCapacity"] <= target["MaxCapacity"]:
            yield f"{name} goes from {target['MinCapacity']} to {target['MaxCapacity']}"
        if (target["ServiceNamespace"], target["ScalableDimension"]) != ("ecs", "ecs:service:DesiredCount"):
            yield f"{name} scales {target['ScalableDimension']} of {target['ServiceNamespace']}"


@rule("autoscaling/application/userguide/application-auto-scaling-step-scaling-policies.html", POLICY)
def steps_follow_each_other(stack: Stack) -> Iterator[str]:
    """Neither gaps nor overlaps, open at one end at most, and for exact capacities none below zero."""
    for name, policy in stack.of(POLICY):
        if policy["PolicyType"] == "StepScaling" and not _is_ladder(policy["StepScalingPolicyConfiguration"]):
            yield f"{name} has steps with a gap, an overlap or no room"


def _is_ladder(configuration: dict[str, Any]) -> bool:
    steps = sorted(
        configuration["StepAdjustments"], key=lambda step: step.get("MetricIntervalLowerBound", float("-inf"))
    )
    joined = all(
        before.get("MetricIntervalUpperBound") == after.get("MetricIntervalLowerBound") is not None
        for before, after in pairwise(steps)
    )
    wide = all(
        step.get("MetricIntervalLowerBound", float("-inf")) < step.get("MetricIntervalUpperBound", float("inf"))
        for step in steps
    )
    fits = configuration["AdjustmentType"] != "ExactCapacity" or all(step["ScalingAdjustment"] >= 0 for step in steps)
    return bool(steps) and joined and wide and fits


@rule("autoscaling/application/userguide/application-auto-scaling-limits.html", POLICY)
def policies_have_at_most_twenty_steps(stack: Stack) -> Iterator[str]:
    for name, policy in stack.of(POLICY):
        if len(policy.get("StepScalingPolicyConfiguration", {}).get("StepAdjustments", ())) > MOST_STEPS:
            yield f"{name} has more than {MOST_STEPS} steps"


@rule("autoscaling/application/APIReference/API_PutScalingPolicy.html", POLICY)
def policies_have_what_their_type_needs(stack: Stack) -> Iterator[str]:
    for name, policy in stack.of(POLICY):
        kind = policy["PolicyType"]
        if kind not in ("StepScaling", "TargetTrackingScaling") or f"{kind}PolicyConfiguration" not in policy:
            yield f"{name} is of the type {kind}, without its configuration"
        if not stack.named(policy.get("ScalingTargetId"), TARGET):
            yield f"{name} scales no target of this stack"


@rule("scheduler/latest/UserGuide/schedule-types.html", SCHEDULE)
def schedules_are_rates_that_the_scheduler_reads(stack: Stack) -> Iterator[str]:
    for name, schedule in stack.of(SCHEDULE):
        if not re.fullmatch(r"rate\([1-9][0-9]* (minute|hour|day)s?\)", schedule["ScheduleExpression"]):
            yield f"{name} is scheduled by {schedule['ScheduleExpression']}"
        if "Mode" not in schedule.get("FlexibleTimeWindow", {}):
            yield f"{name} does not say whether its time may shift"


@rule("scheduler/latest/UserGuide/managing-targets-universal.html", SCHEDULE)
def schedules_call_what_changes_something(stack: Stack) -> Iterator[str]:
    for name, schedule in stack.of(SCHEDULE):
        _, _, call = stack.filled(schedule["Target"]["Arn"]).rpartition(":")
        if call.startswith(READ_ONLY):
            yield f"{name} calls {call}, and the scheduler makes no call that only reads"


@rule("scheduler/latest/UserGuide/setting-up.html", SCHEDULE, "AWS::IAM::Role")
def schedules_have_a_role_that_the_scheduler_may_take(stack: Stack) -> Iterator[str]:
    for name, schedule in stack.of(SCHEDULE):
        for role in stack.named(schedule["Target"]["RoleArn"], "AWS::IAM::Role"):
            trusts = stack.resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            if not any(trust["Principal"] == {"Service": "scheduler.amazonaws.com"} for trust in trusts):
                yield f"{name} has {role}, which scheduler.amazonaws.com may not take"


RULES: tuple[Rule, ...] = (
    scalable_targets_name_a_service_that_is_there,
    scalable_targets_have_bounds,
    steps_follow_each_other,
    policies_have_at_most_twenty_steps,
    policies_have_what_their_type_needs,
    schedules_are_rates_that_the_scheduler_reads,
    schedules_call_what_changes_something,
    schedules_have_a_role_that_the_scheduler_may_take,
)
