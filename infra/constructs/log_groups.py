"""Log groups that keep what they hold for the days that the operator chose, and go with the stack."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct


def build_log_group(scope: Construct, construct_id: str, *, name: str, days: int) -> logs.LogGroup:
    group = logs.LogGroup(scope, construct_id, log_group_name=name, removal_policy=RemovalPolicy.DESTROY)
    resource = group.node.default_child
    assert isinstance(resource, logs.CfnLogGroup)
    resource.retention_in_days = days  # the L2 property takes names such as ONE_MONTH
    return group
