"""A task of the images on Fargate: nothing to write on, no rights but its role's, logs of its own."""

import math
from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.images import Images
from infra.constructs.log_groups import build_log_group
from infra.constructs.permissions import UNSCOPED_REASON
from infra.nag import acknowledge
from rollcall.pipeline.description import Api, Function

USER = "1000:1000"  # the images' own
GIGABYTE = 1024  # MB
ONE_CPU = 1024  # units
ONE_CPU_MEMORY = (2 * GIGABYTE, 8 * GIGABYTE)  # what can be had with it

PLAIN_ENVIRONMENT = "Names of buckets, queues and tables; there are no secrets, since the task's role is its key."
NO_INSIGHTS = "Container Insights is billed by metric; running tasks, CPU and memory are measured without it."


def fargate_task(
    scope: Construct,
    function: Function | Api,
    *,
    images: Images,
    role: iam.Role,
    entry_point: Sequence[str],
    command: Sequence[str],
    environment: Mapping[str, str],
    log_days: int,
    stop_seconds: int,
    ports: Sequence[int] = (),
) -> ecs.FargateTaskDefinition:
    """`stop_seconds`: the time that it has to end by itself once it is told to."""
    cpu, memory = task_size(function.memory_mb)
    task = ecs.FargateTaskDefinition(
        scope,
        f"{function.component}-task",
        family=function.name,
        cpu=cpu,
        memory_limit_mib=memory,
        runtime_platform=ecs.RuntimePlatform(
            cpu_architecture=images.cpu_architecture, operating_system_family=ecs.OperatingSystemFamily.LINUX
        ),
        task_role=role,
    )
    limits = ecs.LinuxParameters(scope, f"{function.component}-limits", init_process_enabled=False)
    limits.drop_capabilities(ecs.Capability.ALL)
    logs = build_log_group(scope, f"{function.component}-logs", name=f"/aws/ecs/{function.name}", days=log_days)
    task.add_container(
        "container",
        image=images.container_of(function),
        entry_point=list(entry_point),
        command=list(command),
        environment=dict(environment),
        logging=ecs.LogDriver.aws_logs(stream_prefix=function.component, log_group=logs),
        linux_parameters=limits,
        port_mappings=[ecs.PortMapping(container_port=port) for port in ports],
        readonly_root_filesystem=True,
        stop_timeout=Duration.seconds(stop_seconds),
        user=USER,
    )
    acknowledge(task, "AwsSolutions-ECS2", PLAIN_ENVIRONMENT)
    reason = UNSCOPED_REASON.format(actions="ecr:GetAuthorizationToken")
    acknowledge(task.obtain_execution_role(), "AwsSolutions-IAM5[Resource::*]", reason)
    return task


def task_size(memory_mb: int) -> tuple[int, int]:
    """CPU units and MB of the smallest task with a whole CPU: Fargate sells both in steps."""
    memory = GIGABYTE * math.ceil(memory_mb / GIGABYTE)
    if memory <= ONE_CPU_MEMORY[1]:
        return ONE_CPU, max(ONE_CPU_MEMORY[0], memory)
    return 2 * ONE_CPU, memory
