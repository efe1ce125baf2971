"""The heavy stage on ECS Fargate: the same code, the same permissions, scaled by the same policy as on this machine."""

import importlib
import json
from dataclasses import replace
from typing import Any

import pytest

from infra.template import Template
from rollcall.pipeline.description import describe
from rollcall.pipeline.scaling import needed_workers, steps
from rollcall.pipeline.settings import Settings
from rollcall.runtime.worker.worker_environment import Environment
from tests.infrastructure.conftest import BESPOKE, DEFAULT_PREFIX, DEFAULTS, Synthesize
from tests.infrastructure.read_back import read_back
from tests.infrastructure.test_pipeline import with_lifetimes

STAGE = "face-recognition"


@pytest.fixture(params=["own network", "given network, spot"])
def template(
    request: pytest.FixtureRequest, fargate_template: Template, fargate_bespoke_template: Template
) -> Template:
    return fargate_template if request.param == "own network" else fargate_bespoke_template


def only(template: Template, kind: str) -> dict[str, Any]:
    (properties,) = template.properties(kind)
    return properties


def container(template: Template) -> dict[str, Any]:
    (found,) = only(template, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return dict(found)


def environment(template: Template) -> dict[str, str]:
    return {entry["Name"]: entry["Value"] for entry in container(template)["Environment"]}


def statements(template: Template) -> list[dict[str, Any]]:
    """The statements of the role that the workers' own code has."""
    role = only(template, "AWS::ECS::TaskDefinition")["TaskRoleArn"].rpartition("/")[2]
    (policy,) = (policy for policy in template.properties("AWS::IAM::Policy") if policy["Roles"] == [role])
    return list(policy["PolicyDocument"]["Statement"])


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_it_is_the_described_pipeline(fargate_template: Template) -> None:
    deployed = read_back(fargate_template, prefix=DEFAULT_PREFIX)

    described = describe(Settings(prefix=DEFAULT_PREFIX, compute="fargate", max_concurrency=20))
    expected = with_lifetimes(described, input_days=90, output_days=365)
    assert sorted(deployed.functions, key=lambda function: function.name) == sorted(
        expected.functions, key=lambda function: function.name
    )
    assert replace(deployed, functions=()) == replace(expected, functions=())


def test_what_workers_run_no_function_does(template: Template) -> None:
    functions = [function["FunctionName"] for function in template.properties("AWS::Lambda::Function")]
    mapped = [mapping["FunctionName"] for mapping in template.properties("AWS::Lambda::EventSourceMapping")]

    assert len(functions) == len(mapped) == 2
    assert not any(name.endswith(STAGE) for name in functions + mapped)


def test_a_worker_accepts_the_environment_that_it_is_given(template: Template) -> None:
    given = environment(template)

    worker = Environment.model_validate(given)
    accepted = importlib.import_module("rollcall.stages.recognize_environment").Environment
    accepted.model_validate(given | {"ROLLCALL_MODEL_DIR": "/opt/models"})

    assert worker.queue.endswith("-recognize")
    assert worker.grace < container(template)["StopTimeout"]


def test_a_worker_can_write_nowhere_and_is_nobody(template: Template) -> None:
    described = container(template)

    assert described["ReadonlyRootFilesystem"] is True
    assert described["User"] == "1000:1000"
    assert described["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert described["EntryPoint"] == ["/usr/bin/python3", "-m", "functions.worker"]
    assert not described.get("Privileged") and "Secrets" not in described


def test_it_may_do_what_the_function_may_and_look_after_its_messages(
    fargate_template: Template, default_template: Template
) -> None:
    granted = {
        (action, resource)
        for statement in statements(fargate_template)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }

    (function,) = (
        function
        for function in default_template.properties("AWS::Lambda::Function")
        if function["FunctionName"].endswith(STAGE)
    )
    (policy,) = (
        policy
        for policy in default_template.properties("AWS::IAM::Policy")
        if policy["Roles"] == [function["Role"].rpartition("/")[2]]
    )
    as_function = {
        (action, resource)
        for statement in policy["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        if not action.startswith(("xray:", "logs:"))
    }
    queue = f"arn:aws:sqs:eu-west-1:123456789012:{DEFAULT_PREFIX}-recognize"
    assert {("sqs:ChangeMessageVisibility", queue), ("sqs:GetQueueUrl", queue)} <= granted
    assert granted == as_function


def test_tasks_of_this_account_alone_can_take_the_role(template: Template) -> None:
    trusts = [
        statement
        for role in template.properties("AWS::IAM::Role")
        if role.get("Description") == "What face_recognition of Rollcall may do"
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
    ]

    assert [trust["Principal"] for trust in trusts] == [{"Service": "ecs-tasks.amazonaws.com"}]
    assert trusts[0]["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_without_a_vpc_there_are_two_public_subnets_and_nothing_that_costs_when_idle(
    fargate_template: Template,
) -> None:
    network = only(fargate_template, "AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]

    assert network["AssignPublicIp"] == "ENABLED"
    assert len(network["Subnets"]) == 2
    assert list(fargate_template.properties("AWS::EC2::NatGateway")) == []
    kinds = {endpoint.get("VpcEndpointType") for endpoint in fargate_template.properties("AWS::EC2::VPCEndpoint")}
    assert kinds == {"Gateway"}


def test_a_given_vpc_is_used_as_it_is_and_without_public_addresses(fargate_bespoke_template: Template) -> None:
    network = only(fargate_bespoke_template, "AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]

    assert network["AssignPublicIp"] == "DISABLED"
    assert network["Subnets"] == BESPOKE["subnet_ids"].split(",")
    assert list(fargate_bespoke_template.properties("AWS::EC2::VPC")) == []


def test_nothing_comes_in(template: Template) -> None:
    for group in template.properties("AWS::EC2::SecurityGroup"):
        assert "SecurityGroupIngress" not in group
        assert {rule["FromPort"] for rule in group["SecurityGroupEgress"]} == {443}
        assert "'" not in group["GroupDescription"]  # EC2 refuses it


@pytest.mark.parametrize(("capacity", "provider"), [("on_demand", "FARGATE"), ("spot", "FARGATE_SPOT")])
def test_capacity_is_what_was_chosen(
    capacity: str, provider: str, fargate_template: Template, fargate_bespoke_template: Template
) -> None:
    template = fargate_template if capacity == "on_demand" else fargate_bespoke_template

    (strategy,) = only(template, "AWS::ECS::Service")["CapacityProviderStrategy"]

    assert strategy["CapacityProvider"] == provider


@pytest.mark.parametrize(("name", "cpu"), [("fargate_template", "X86_64"), ("fargate_bespoke_template", "ARM64")])
def test_the_task_is_of_the_images_architecture(name: str, cpu: str, request: pytest.FixtureRequest) -> None:
    task = only(request.getfixturevalue(name), "AWS::ECS::TaskDefinition")

    assert task["RuntimePlatform"] == {"CpuArchitecture": cpu, "OperatingSystemFamily": "LINUX"}


@pytest.mark.parametrize(
    ("memory_mb", "size"),
    [(128, (1024, 2048)), (2048, (1024, 2048)), (2049, (1024, 3072)), (8192, (1024, 8192)), (10_240, (2048, 10_240))],
)
def test_a_task_is_of_a_size_that_fargate_sells(memory_mb: int, size: tuple[int, int]) -> None:
    assert importlib.import_module("infra.constructs.fargate").task_size(memory_mb) == size


def test_it_scales_from_none_to_the_ceiling(template: Template) -> None:
    target = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")

    assert target["MinCapacity"] == 0
    assert target["MaxCapacity"] in (20, 50)
    assert "DesiredCount" not in only(template, "AWS::ECS::Service")  # a deployment would set it back each time


@pytest.mark.parametrize("name", ["fargate_template", "fargate_bespoke_template"])
def test_the_alarms_and_steps_are_the_policy(name: str, request: pytest.FixtureRequest) -> None:
    template = request.getfixturevalue(name)
    workers = importlib.import_module("infra.constructs.workers")
    (function,) = (each for each in read_back(template, prefix="any").functions if each.compute == "fargate")
    policy = workers.policy_of(function)

    for waiting in (0, 1, 19, 20, 21, 400, 100_000):
        for in_hand in (0, 1, 2, 3, 40):
            needed = needed_workers(policy, waiting=waiting, in_hand=in_hand)
            tabled = max((step.workers for step in steps(policy) if step.above < needed), default=0)
            assert capacity_on_aws(template, waiting=waiting, in_hand=in_hand) == tabled


def capacity_on_aws(template: Template, *, waiting: int, in_hand: int) -> int:
    """What CloudWatch's expression and Application Auto Scaling's steps come to."""
    capacities = []
    policies = list(template.properties("AWS::ApplicationAutoScaling::ScalingPolicy"))
    for alarm in template.properties("AWS::CloudWatch::Alarm"):
        if "-workers-" not in alarm["AlarmName"]:
            continue
        expression = next(entry["Expression"] for entry in alarm["Metrics"] if "Expression" in entry)
        value = evaluate(expression, waiting=waiting, in_hand=in_hand)
        above = alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        if (value >= alarm["Threshold"]) == above:
            (policy,) = (each for each in policies if holds_for(each, up=above))
            capacities.append(step_for(policy, value - alarm["Threshold"]))
    (capacity,) = capacities  # one alarm, and never both
    return capacity


def evaluate(expression: str, *, waiting: int, in_hand: int) -> int:
    total = 0
    for term in expression.replace("FILL(hand, 0)", "hand").split(" + "):
        name, _, share = term.removeprefix("CEIL(").removesuffix(")").partition(" / ")
        total += -(-{"waiting": waiting, "hand": in_hand}[name] // int(share))
    return total


def holds_for(policy: dict[str, Any], *, up: bool) -> bool:
    first = policy["StepScalingPolicyConfiguration"]["StepAdjustments"][0]
    return ("MetricIntervalLowerBound" in first) == up


def step_for(policy: dict[str, Any], breach: float) -> int:
    configuration = policy["StepScalingPolicyConfiguration"]
    assert configuration["AdjustmentType"] == "ExactCapacity"
    if breach < 0:
        return int(configuration["StepAdjustments"][0]["ScalingAdjustment"])
    (step,) = (
        step
        for step in configuration["StepAdjustments"]
        if step["MetricIntervalLowerBound"] <= breach < step.get("MetricIntervalUpperBound", float("inf"))
    )
    return int(step["ScalingAdjustment"])


def test_the_alarms_look_at_the_peaks_of_the_policys_window(fargate_template: Template) -> None:
    workers = importlib.import_module("infra.constructs.workers")
    (function,) = (each for each in read_back(fargate_template, prefix="any").functions if each.compute == "fargate")
    window = workers.policy_of(function).scale_in_after

    alarms = [
        alarm
        for alarm in fargate_template.properties("AWS::CloudWatch::Alarm")
        if alarm["AlarmName"].startswith(f"{DEFAULT_PREFIX}-{STAGE}-workers-")
    ]

    assert len(alarms) == len({alarm["AlarmActions"][0] for alarm in alarms}) == 2
    for alarm in alarms:
        metrics = [entry["MetricStat"] for entry in alarm["Metrics"] if "MetricStat" in entry]
        assert {metric["Stat"] for metric in metrics} == {"Maximum"}
        assert {metric["Period"] for metric in metrics} == {window}
        assert alarm["EvaluationPeriods"] == 1


def test_the_queues_metrics_are_kept_coming_and_nothing_else_may_be_done(template: Template) -> None:
    schedule = only(template, "AWS::Scheduler::Schedule")
    role = schedule["Target"]["RoleArn"].rpartition("/")[2]
    (policy,) = (policy for policy in template.properties("AWS::IAM::Policy") if policy["Roles"] == [role])
    (allowed,) = policy["PolicyDocument"]["Statement"]
    (queue,) = (each for each in template.properties("AWS::SQS::Queue") if each["QueueName"].endswith("-recognize"))

    sent = json.loads(schedule["Target"]["Input"])

    assert schedule["ScheduleExpression"] == "rate(1 hour)"  # SQS ends the metrics after six
    assert schedule["Target"]["Arn"].endswith(":scheduler:::aws-sdk:sqs:tagQueue")
    assert sent["QueueUrl"] == queue["QueueName"]  # a reference to a queue is its address
    assert sent["Tags"].items() <= {tag["Key"]: tag["Value"] for tag in queue["Tags"]}.items()
    assert (allowed["Action"], allowed["Resource"].rpartition(":")[2]) == ("sqs:TagQueue", queue["QueueName"])


def test_its_logs_are_kept_as_long_as_all_others(fargate_template: Template) -> None:
    groups = {group["LogGroupName"]: group for group in fargate_template.properties("AWS::Logs::LogGroup")}

    options = container(fargate_template)["LogConfiguration"]["Options"]

    assert groups[options["awslogs-group"]]["RetentionInDays"] == 30


def test_the_image_is_built_from_the_functions_own_target(synthesize: Synthesize, tmp_path: Any) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Dockerfile").write_text("FROM scratch\n")
    given = {name: value for name, value in DEFAULTS.items() if not name.startswith("image_")}

    document, _ = synthesize(given | {"compute": "fargate"}, source=tmp_path)

    (task,) = (entry for entry in document["Resources"].values() if entry["Type"] == "AWS::ECS::TaskDefinition")
    assert "Fn::Sub" in task["Properties"]["ContainerDefinitions"][0]["Image"]
