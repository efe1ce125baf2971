"""Each rule for what no rehearsal creates fails on a template that is broken on purpose, and on no other."""

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from infra import synthesis
from infra.rehearsal import LEFT_OUT
from infra.rules import RULES, broken
from rollcall.pipeline.deployment_errors import FindingsLeft
from tests.infrastructure.conftest import DEFAULTS, FARGATE, INTERNAL, OPEN, WITH_API, Synthesize

Document = dict[str, Any]
KINDS = {"api": WITH_API, "defaults": DEFAULTS, "fargate": FARGATE, "internal": INTERNAL, "open": OPEN}


@pytest.fixture(scope="module")
def documents(synthesize: Synthesize) -> Mapping[str, Document]:
    """Cross-origin pages are let in as well, so that there is a rule for them to break."""
    cors = {"api_cors_origins": "https://a.example"}
    given = KINDS | {"api": KINDS["api"] | cors}
    return {kind: synthesize(settings)[0] for kind, settings in given.items()}


def first(document: Document, kind: str) -> Document:
    """The properties of the first resource of this type."""
    found: Document = resource(document, kind)["Properties"]
    return found


def resource(document: Document, kind: str) -> Document:
    return next(each for each in document["Resources"].values() if each["Type"] == kind)


def named(document: Document, kind: str) -> str:
    resources: dict[str, Document] = document["Resources"]
    return next(name for name, each in resources.items() if each["Type"] == kind)


def put(kind: str, **values: Any) -> Callable[[Document], None]:
    return lambda document: first(document, kind).update(values)


def drop(kind: str, *names: str) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for name in names:
            del first(document, kind)[name]

    return change


def remove(kind: str) -> Callable[[Document], None]:
    """All of a type; whoever waited for it waits no longer."""

    def change(document: Document) -> None:
        gone = {name for name, each in document["Resources"].items() if each["Type"] == kind}
        for each in document["Resources"].values():
            each["DependsOn"] = [name for name in each.get("DependsOn", []) if name not in gone]
        for name in gone:
            del document["Resources"][name]

    return change


def wait_for_nothing(kind: str) -> Callable[[Document], None]:
    return lambda document: resource(document, kind).update(DependsOn=[])


def in_each_policy(kind: str, **values: Any) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        for each in document["Resources"].values():
            if each["Type"] == kind:
                for statement in each["Properties"]["PolicyDocument"]["Statement"]:
                    statement.update(values)

    return change


def in_container(**values: Any) -> Callable[[Document], None]:
    return lambda document: first(document, "AWS::ECS::TaskDefinition")["ContainerDefinitions"][0].update(values)


def in_steps(change: Callable[[list[Document]], object]) -> Callable[[Document], None]:
    def apply(document: Document) -> None:
        policy = first(document, "AWS::ApplicationAutoScaling::ScalingPolicy")
        change(policy["StepScalingPolicyConfiguration"]["StepAdjustments"])

    return apply


def in_expression(document: Document) -> None:
    for each in document["Resources"].values():
        for entry in each["Properties"].get("Metrics", ()) if each["Type"] == "AWS::CloudWatch::Alarm" else ():
            if "Expression" in entry:
                entry["Expression"] = "CEIL(waiting / 20) + nowhere"


def in_schedule(**values: Any) -> Callable[[Document], None]:
    return lambda document: first(document, "AWS::Scheduler::Schedule")["Target"].update(values)


def foreign_scheduler(document: Document) -> None:
    for each in document["Resources"].values():
        if each["Type"] == "AWS::IAM::Role":
            each["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] = {
                "Service": "lambda.amazonaws.com"
            }


def many(document: Document) -> None:
    for number in range(500):
        document["Resources"][f"more{number}"] = copy.deepcopy(resource(document, "AWS::SNS::Topic"))


def long_policy(document: Document) -> None:
    statement = copy.deepcopy(first(document, "AWS::IAM::Policy")["PolicyDocument"]["Statement"][0])
    first(document, "AWS::IAM::Policy")["PolicyDocument"]["Statement"] += [statement] * 100


def shut_key(document: Document) -> None:
    statements = first(document, "AWS::KMS::Key")["KeyPolicy"]["Statement"]
    statements[:] = [statement for statement in statements if "Service" not in statement["Principal"]]


def shared_alarm_name(document: Document) -> None:
    for each in document["Resources"].values():
        if each["Type"] == "AWS::CloudWatch::Alarm":
            each["Properties"]["AlarmName"] = "one for all"


ALARM, SERVICE, TASK = "AWS::CloudWatch::Alarm", "AWS::ECS::Service", "AWS::ECS::TaskDefinition"
ROUTE, INTEGRATION, STAGE = (f"AWS::ApiGatewayV2::{kind}" for kind in ("Route", "Integration", "Stage"))
AUTHORIZER, API = "AWS::ApiGatewayV2::Authorizer", "AWS::ApiGatewayV2::Api"
TARGET, POLICY = (f"AWS::ApplicationAutoScaling::{kind}" for kind in ("ScalableTarget", "ScalingPolicy"))
SCHEDULE, FUNCTION, TABLE = "AWS::Scheduler::Schedule", "AWS::Lambda::Function", "AWS::DynamoDB::Table"
MAPPING, QUEUE, EGRESS = "AWS::Lambda::EventSourceMapping", "AWS::SQS::Queue", "AWS::EC2::SecurityGroupEgress"
PERMISSION, DASHBOARD = "AWS::Lambda::Permission", "AWS::CloudWatch::Dashboard"


def plain_log_groups(document: Document) -> None:
    for each in document["Resources"].values():
        if each["Type"] == "AWS::Logs::LogGroup":
            each["Properties"]["LogGroupName"] = "/rollcall/requests"


def by_name_alone(document: Document) -> None:
    service = first(document, SERVICE)
    cluster = first(document, "AWS::ECS::Cluster")["ClusterName"]
    put(TARGET, ResourceId={"Fn::Join": ["/", ["service", cluster, service["ServiceName"]]]})(document)


def hidden_for_a_minute(document: Document) -> None:
    for each in document["Resources"].values():
        if each["Type"] == QUEUE:
            each["Properties"]["VisibilityTimeout"] = 60


# a rule, the kind of deployment that is broken, and how
BROKEN: list[tuple[str, str, Callable[[Document], None]]] = [
    (
        "bucket-policies-are-about-their-bucket",
        "defaults",
        in_each_policy("AWS::S3::BucketPolicy", Resource="arn:aws:s3:::elsewhere"),
    ),
    (
        "queue-policies-are-about-their-queue",
        "defaults",
        in_each_policy("AWS::SQS::QueuePolicy", Resource="arn:aws:sqs:eu-west-1:1:elsewhere"),
    ),
    (
        "buckets-may-tell-their-queues",
        "defaults",
        in_each_policy("AWS::SQS::QueuePolicy", Principal={"Service": "sns.amazonaws.com"}),
    ),
    ("buckets-may-tell-their-queues", "defaults", wait_for_nothing("AWS::S3::Bucket")),
    ("services-act-for-this-account-alone", "defaults", in_each_policy("AWS::SNS::TopicPolicy", Condition={})),
    ("policies-of-a-role-are-short-enough", "defaults", long_policy),
    ("security-groups-are-described-in-plain-characters", "open", put(EGRESS, Description="the balancer's")),
    (
        "security-groups-are-described-in-plain-characters",
        "internal",
        put("AWS::EC2::SecurityGroup", SecurityGroupIngress=[{"Description": "the VPC's own"}]),
    ),
    ("security-group-rules-name-a-group-a-port-and-one-peer", "open", put(EGRESS, CidrIp="0.0.0.0/0")),
    ("security-group-rules-name-a-group-a-port-and-one-peer", "open", drop(EGRESS, "ToPort")),
    (
        "capacity-providers-belong-to-the-services-cluster",
        "fargate",
        put("AWS::ECS::ClusterCapacityProviderAssociations", CapacityProviders=["FARGATE_SPOT"]),
    ),
    ("services-wait-for-their-capacity-providers", "fargate", wait_for_nothing(SERVICE)),
    ("services-have-a-launch-type-or-a-strategy", "fargate", put(SERVICE, LaunchType="FARGATE")),
    ("services-wait-for-their-way-out", "open", wait_for_nothing(SERVICE)),
    ("services-wait-for-their-way-out", "fargate", wait_for_nothing(SERVICE)),
    ("tasks-are-of-a-size-that-fargate-sells", "fargate", put(TASK, Memory="1769")),
    ("tasks-are-what-fargate-runs", "fargate", put(TASK, NetworkMode="bridge")),
    ("tasks-are-what-fargate-runs", "fargate", in_container(StopTimeout=121)),
    ("routes-have-a-key-and-an-integration", "api", put(ROUTE, RouteKey="FETCH /")),
    ("routes-have-a-key-and-an-integration", "api", drop(ROUTE, "Target")),
    ("routes-name-the-authorizer-that-their-type-needs", "api", drop(ROUTE, "AuthorizerId")),
    ("routes-name-the-authorizer-that-their-type-needs", "api", put(ROUTE, AuthorizationType="AWS_IAM")),
    ("integrations-answer-in-time", "api", put(INTEGRATION, TimeoutInMillis=30_001)),
    ("functions-behind-the-gateway-end-before-it-gives-up", "api", put(INTEGRATION, TimeoutInMillis=1000)),
    ("integrations-of-functions-name-their-payload", "api", put(INTEGRATION, PayloadFormatVersion="1.0")),
    (
        "authorizers-cache-only-what-they-can-tell-apart",
        "api",
        put(AUTHORIZER, AuthorizerResultTtlInSeconds=300),
    ),
    (
        "authorizers-cache-only-what-they-can-tell-apart",
        "api",
        put(AUTHORIZER, AuthorizerPayloadFormatVersion="1.0"),
    ),
    ("cors-names-origins-with-their-scheme", "api", put(API, CorsConfiguration={"AllowOrigins": ["a.example"]})),
    (
        "cors-names-origins-with-their-scheme",
        "api",
        put(API, CorsConfiguration={"AllowOrigins": ["*"], "AllowCredentials": True}),
    ),
    ("the-gateway-may-start-what-it-leads-to", "api", remove(PERMISSION)),
    ("only-this-stacks-gateway-may-start-functions", "api", drop(PERMISSION, "SourceArn")),
    ("the-default-stage-deploys-by-itself", "api", put(STAGE, AutoDeploy=False)),
    ("access-logs-go-where-a-service-may-write", "api", plain_log_groups),
    ("scalable-targets-name-a-service-that-is-there", "fargate", put(TARGET, ResourceId="service/elsewhere/api")),
    ("scalable-targets-name-a-service-that-is-there", "fargate", by_name_alone),
    ("scalable-targets-have-bounds", "fargate", put(TARGET, MinCapacity=21)),
    ("steps-follow-each-other", "fargate", in_steps(lambda steps: steps.pop(1))),
    ("steps-follow-each-other", "fargate", in_steps(lambda steps: steps[0].update(MetricIntervalUpperBound=2))),
    ("steps-follow-each-other", "fargate", in_steps(lambda steps: steps[-1].update(MetricIntervalUpperBound=0))),
    ("policies-have-at-most-twenty-steps", "fargate", in_steps(lambda steps: steps.extend(steps[-1:]))),
    ("policies-have-what-their-type-needs", "fargate", put(POLICY, PolicyType="TargetTrackingScaling")),
    ("policies-have-what-their-type-needs", "fargate", drop(POLICY, "ScalingTargetId")),
    (
        "schedules-are-rates-that-the-scheduler-reads",
        "fargate",
        put(SCHEDULE, ScheduleExpression="rate(one hour)"),
    ),
    (
        "schedules-call-what-changes-something",
        "fargate",
        in_schedule(Arn="arn:aws:scheduler:::aws-sdk:sqs:getQueueAttributes"),
    ),
    ("schedules-have-a-role-that-the-scheduler-may-take", "fargate", foreign_scheduler),
    ("alarms-watch-one-thing", "fargate", put(ALARM, Metrics=[], MetricName="Errors")),
    ("expressions-name-metrics-that-are-there", "fargate", in_expression),
    ("alarms-look-at-periods-that-there-are", "defaults", put(ALARM, Period=45)),
    ("alarms-look-at-periods-that-there-are", "defaults", put(ALARM, EvaluationPeriods=300)),
    ("alarms-have-names-of-their-own-and-few-actions", "defaults", shared_alarm_name),
    ("alarms-have-names-of-their-own-and-few-actions", "defaults", put(ALARM, AlarmDescription="why " * 300)),
    (
        "alarms-may-tell-their-topic",
        "defaults",
        in_each_policy("AWS::SNS::TopicPolicy", Principal={"Service": "s3.amazonaws.com"}),
    ),
    ("alarms-may-use-the-key-of-their-topic", "defaults", shut_key),
    ("dashboards-are-json-under-a-plain-name", "defaults", put(DASHBOARD, DashboardName="acme.rollcall")),
    ("dashboards-are-json-under-a-plain-name", "defaults", put(DASHBOARD, DashboardBody="{")),
    ("the-template-is-small-enough", "defaults", many),
    ("names-are-short-enough", "defaults", put(FUNCTION, FunctionName="f" * 65)),
    ("whatever-takes-tags-has-ours", "defaults", put(MAPPING, Tags=[])),
    (
        "whatever-takes-tags-has-ours",
        "defaults",
        lambda document: document["Resources"].update(new={"Type": "A::B::C"}),
    ),
    (
        "tags-are-of-the-form-that-aws-takes",
        "defaults",
        put(QUEUE, Tags=[{"Key": "aws:Project", "Value": "rollcall"}]),
    ),
    ("functions-keep-to-lambdas-bounds", "defaults", put(FUNCTION, Timeout=901)),
    ("functions-keep-to-lambdas-bounds", "defaults", put(FUNCTION, Environment={"Variables": {"A": "a" * 4096}})),
    ("queues-wait-longer-than-their-function", "defaults", hidden_for_a_minute),
    ("mappings-keep-to-lambdas-bounds", "defaults", put(MAPPING, BatchSize=11)),
    ("mappings-keep-to-lambdas-bounds", "defaults", put(MAPPING, ScalingConfig={"MaximumConcurrency": 1})),
    ("tables-that-stay-are-guarded-from-deletion", "defaults", put(TABLE, DeletionProtectionEnabled=False)),
    ("guarded-tables-come-after-what-may-fail", "defaults", wait_for_nothing(TABLE)),
]


@pytest.mark.parametrize(("rule", "kind", "breaks"), BROKEN)
def test_a_rule_finds_what_was_broken_on_purpose(
    rule: str, kind: str, breaks: Callable[[Document], None], documents: Mapping[str, Document]
) -> None:
    document = copy.deepcopy(documents[kind])
    breaks(document)

    findings = broken(document)

    assert any(f"({rule}: https://docs.aws.amazon.com/" in finding for finding in findings), findings


def test_every_rule_is_seen_to_fail() -> None:
    assert {rule for rule, _, _ in BROKEN} == {rule.name for rule in RULES}


def test_what_the_rehearsal_leaves_out_has_a_rule() -> None:
    assert set(LEFT_OUT) <= {kind for rule in RULES for kind in rule.about}


def test_an_untouched_template_breaks_none(documents: Mapping[str, Document]) -> None:
    assert {kind: broken(document) for kind, document in documents.items()} == {kind: [] for kind in documents}


def test_the_synthesis_itself_holds_them(synthesize: Synthesize, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "broken", lambda document: [json.dumps(sorted(document))])

    with pytest.raises(FindingsLeft, match="AWS would refuse this template:\n.*Resources"):
        synthesize(DEFAULTS)
