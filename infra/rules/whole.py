"""The template as a whole, names and tags, and the bounds of functions, queues and tables."""

import json
from collections.abc import Iterator
from typing import Any

from infra.rules.rule import Rule, Stack, rule

FUNCTION = "AWS::Lambda::Function"
MAPPING = "AWS::Lambda::EventSourceMapping"
QUEUE = "AWS::SQS::Queue"
TABLE = "AWS::DynamoDB::Table"
MOST_RESOURCES = 500
LONGEST_TEMPLATE = 1_000_000  # bytes
LONGEST_ENVIRONMENT = 4096  # bytes
LONGEST_TIMEOUT = 900  # seconds
MEMORY, SCRATCH, CONCURRENCY = (128, 10_240), (512, 10_240), (2, 1000)
MOST_AT_ONCE = 10  # messages that SQS gives without a batching window
MOST_TAGS, LONGEST_KEY, LONGEST_VALUE = 50, 128, 256
# by type: the property that names a resource, and how long it may be
NAMES = {
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::DynamoDB::Table": ("TableName", 255),
    "AWS::ECS::Cluster": ("ClusterName", 255),
    "AWS::ECS::Service": ("ServiceName", 255),
    "AWS::Lambda::Function": ("FunctionName", 64),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::S3::Bucket": ("BucketName", 63),
    "AWS::SNS::Topic": ("TopicName", 256),
    "AWS::SQS::Queue": ("QueueName", 80),
    "AWS::Scheduler::Schedule": ("Name", 64),
}
# types that CloudFormation gives no tags, as their pages say
UNTAGGABLE = {
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::EC2::Route",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::ECS::ClusterCapacityProviderAssociations",
    "AWS::IAM::Policy",
    "AWS::Lambda::Permission",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
}
TAGS = {"Project", "rollcall:prefix"}


@rule("AWSCloudFormation/latest/UserGuide/cloudformation-limits.html")
def the_template_is_small_enough(stack: Stack) -> Iterator[str]:
    if len(stack.resources) > MOST_RESOURCES or len(json.dumps(stack.document)) > LONGEST_TEMPLATE:
        yield f"more than {MOST_RESOURCES} resources, or than {LONGEST_TEMPLATE} bytes"


@rule("general/latest/gr/aws-service-information.html", *NAMES)
def names_are_short_enough(stack: Stack) -> Iterator[str]:
    for kind, (by, longest) in NAMES.items():
        for name, properties in stack.of(kind):
            called = str(stack.filled(properties.get(by, "")))
            if len(called) > longest:
                yield f"{name} is called {called}, which has more than {longest} characters"


@rule("tag-editor/latest/userguide/best-practices-and-strats.html")
def whatever_takes_tags_has_ours(stack: Stack) -> Iterator[str]:
    for name, resource in stack.resources.items():
        if resource["Type"] in UNTAGGABLE or resource["Type"].startswith("AWS::CDK::"):
            continue
        if missing := TAGS - _tags(resource.get("Properties", {})).keys():
            yield f"{name}, {resource['Type']}, has no tag {', '.join(sorted(missing))}"


@rule("tag-editor/latest/userguide/tag-editor.html")
def tags_are_of_the_form_that_aws_takes(stack: Stack) -> Iterator[str]:
    for name, resource in stack.resources.items():
        tags = _tags(resource.get("Properties", {}))
        long = [k for k, value in tags.items() if len(k) > LONGEST_KEY or len(stack.filled(value)) > LONGEST_VALUE]
        if len(tags) > MOST_TAGS or long or any(key.lower().startswith("aws:") for key in tags):
            yield f"{name} has too many tags, one that is too long, or one that AWS keeps for itself"


def _tags(properties: dict[str, Any]) -> dict[str, Any]:
    tags = properties.get("Tags", {})
    return tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}


@rule("lambda/latest/dg/gettingstarted-limits.html", FUNCTION)
def functions_keep_to_lambdas_bounds(stack: Stack) -> Iterator[str]:
    for name, function in stack.of(FUNCTION):
        variables = json.dumps(stack.filled(function.get("Environment", {}).get("Variables", {})))
        scratch = function.get("EphemeralStorage", {"Size": SCRATCH[0]})["Size"]
        fits = (
            function["Timeout"] <= LONGEST_TIMEOUT
            and MEMORY[0] <= function["MemorySize"] <= MEMORY[1]
            and SCRATCH[0] <= scratch <= SCRATCH[1]
            and len(variables.encode()) <= LONGEST_ENVIRONMENT
        )
        if not fits:
            yield f"{name} asks for more time, memory, scratch space or environment than Lambda gives"


@rule("lambda/latest/dg/services-sqs-configure.html", MAPPING, FUNCTION, QUEUE)
def queues_wait_longer_than_their_function(stack: Stack) -> Iterator[str]:
    for name, mapping in stack.of(MAPPING):
        timeouts = [_of(stack, each)["Timeout"] for each in stack.named(mapping["FunctionName"], FUNCTION)]
        for queue in stack.named(mapping["EventSourceArn"], QUEUE):
            if _of(stack, queue).get("VisibilityTimeout", 30) < max(timeouts):
                yield f"{name} starts a function that takes longer than {queue} hides a message"


@rule("lambda/latest/dg/services-sqs-scaling.html", MAPPING)
def mappings_keep_to_lambdas_bounds(stack: Stack) -> Iterator[str]:
    for name, mapping in stack.of(MAPPING):
        most = mapping.get("ScalingConfig", {}).get("MaximumConcurrency", CONCURRENCY[0])
        windowed = mapping.get("MaximumBatchingWindowInSeconds", 0) > 0
        if not CONCURRENCY[0] <= most <= CONCURRENCY[1] or not (mapping["BatchSize"] <= MOST_AT_ONCE or windowed):
            yield f"{name} has a concurrency of {most} and batches of {mapping['BatchSize']}"


@rule("amazondynamodb/latest/developerguide/WorkingWithTables.Basics.html", TABLE)
def tables_that_stay_are_guarded_from_deletion(stack: Stack) -> Iterator[str]:
    for name, table in stack.of(TABLE):
        stays = stack.resources[name].get("DeletionPolicy", "Delete") != "Delete"
        if stays != bool(table.get("DeletionProtectionEnabled")):
            yield f"{name} stays without its guard from deletion, or goes with it, which fails"


@rule("AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html", TABLE)
def guarded_tables_come_after_what_may_fail(stack: Stack) -> Iterator[str]:
    """A creation that fails deletes what it made, and cannot delete these."""
    risky = {name for name, _ in stack.of(FUNCTION, "AWS::ECS::Service", "AWS::S3::Bucket", MAPPING)}
    for name, table in stack.of(TABLE):
        if table.get("DeletionProtectionEnabled") and not risky <= stack.waits_for(name):
            yield f"{name} may be made before {', '.join(sorted(risky - stack.waits_for(name)))}"


def _of(stack: Stack, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = stack.resources[name]["Properties"]
    return properties


RULES: tuple[Rule, ...] = (
    the_template_is_small_enough,
    names_are_short_enough,
    whatever_takes_tags_has_ours,
    tags_are_of_the_form_that_aws_takes,
    functions_keep_to_lambdas_bounds,
    queues_wait_longer_than_their_function,
    mappings_keep_to_lambdas_bounds,
    tables_that_stay_are_guarded_from_deletion,
    guarded_tables_come_after_what_may_fail,
)
