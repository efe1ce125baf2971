"""The pipeline as a template would deploy it, in the terms of its description: so that the two can be compared."""

from collections.abc import Mapping
from typing import Any

from infra.template import Template
from rollcall.pipeline.description import (
    ENTRY_POINTS,
    Api,
    Authorizer,
    Bucket,
    Function,
    Notification,
    Pipeline,
    Queue,
    ResultsQueue,
    Table,
)
from rollcall.pipeline.roles import BUCKET_ROLES, BucketRole
from rollcall.pipeline.settings import ApiHost
from rollcall.runtime.worker.worker_environment import Environment as WorkerEnvironment

HANDLERS = {entry: handler for handler, entry in ENTRY_POINTS.items()}
# what the worker itself is told, and not the function's code
OF_THE_WORKER = {field.alias for field in WorkerEnvironment.model_fields.values()} | {"AWS_DEFAULT_REGION"}


def read_back(template: Template, *, prefix: str, components: Mapping[str, str] | None = None) -> Pipeline:
    """`components`: what each image was built for, by its tag; without it the tag says so, `<component>-<version>`."""
    return Pipeline(
        prefix=prefix,
        buckets=tuple(_bucket(properties, template) for properties in template.properties("AWS::S3::Bucket")),
        queues=tuple(
            _queue(properties, template)
            for properties in template.properties("AWS::SQS::Queue")
            if "RedrivePolicy" in properties
        ),
        tables=tuple(_table(resource) for resource in template.resources("AWS::DynamoDB::Table")),
        functions=(
            *(
                _function(properties, template, components)
                for properties in template.properties("AWS::Lambda::Function")
                if not properties["FunctionName"].endswith(("-api", "-api-authorizer"))
            ),
            *(
                _worker(properties, template, components)
                for properties in template.properties("AWS::ECS::TaskDefinition")
                if not properties["Family"].endswith("-api")
            ),
        ),
        results=_results(template),
        api=_api(template),
        authorizer=_authorizer(template),
    )


def _api(template: Template) -> Api | None:
    for function in template.properties("AWS::Lambda::Function"):
        if function["FunctionName"].endswith("-api"):
            (handler,) = function["ImageConfig"]["Command"]
            limits = function["Timeout"], function["MemorySize"], function["EphemeralStorage"]["Size"]
            variables = function["Environment"]["Variables"]
            return _described_api(function["FunctionName"], "lambda", HANDLERS[handler], limits, variables)
    for task in template.properties("AWS::ECS::TaskDefinition"):
        if task["Family"].endswith("-api"):
            (container,) = task["ContainerDefinitions"]
            variables = {entry["Name"]: entry["Value"] for entry in container["Environment"]}
            del variables["AWS_DEFAULT_REGION"]
            limits = Api.timeout, int(task["Memory"]), Api.scratch_mb  # a server has its own, and no scratch
            return _described_api(task["Family"], "container", Api.handler, limits, variables)
    return None


def _authorizer(template: Template) -> Authorizer | None:
    for function in template.properties("AWS::Lambda::Function"):
        if function["FunctionName"].endswith("-api-authorizer"):
            (handler,) = function["ImageConfig"]["Command"]
            return Authorizer(
                name=function["FunctionName"],
                handler=HANDLERS[handler],
                timeout=function["Timeout"],
                memory_mb=function["MemorySize"],
                scratch_mb=function["EphemeralStorage"]["Size"],
                environment=function["Environment"]["Variables"],
            )
    return None


def _described_api(
    name: str, host: ApiHost, handler: str, limits: tuple[int, int, int], environment: dict[str, str]
) -> Api:
    timeout, memory, scratch = limits
    return Api(
        name=name,
        host=host,
        handler=handler,
        timeout=timeout,
        memory_mb=memory,
        scratch_mb=scratch,
        environment=environment,
    )


def _results(template: Template) -> ResultsQueue:
    (queue,) = (
        properties
        for properties in template.properties("AWS::SQS::Queue")
        if properties["QueueName"].endswith("-results")
    )
    return ResultsQueue(name=queue["QueueName"], retention_seconds=queue["MessageRetentionPeriod"])


def _bucket(properties: dict[str, Any], template: Template) -> Bucket:
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    configurations = properties.get("NotificationConfiguration", {}).get("QueueConfigurations", [])
    (role,) = (
        role for role in BUCKET_ROLES if template.output(f"{role}bucket".replace("-", "")) == properties["BucketName"]
    )
    return Bucket(
        role=role,
        name=properties["BucketName"],
        versioned=properties.get("VersioningConfiguration") == {"Status": "Enabled"},
        expire_days=rule.get("ExpirationInDays"),
        notifications=tuple(_notification(configuration) for configuration in configurations),
        form_origins=_form_origins(properties),
    )


def _told(role: BucketRole, template: Template) -> str:
    """The bucket's name in the outputs."""
    return template.output(f"{role}bucket".replace("-", ""))


def _form_origins(properties: dict[str, Any]) -> tuple[str, ...]:
    rules = properties.get("CorsConfiguration", {}).get("CorsRules", [])
    for rule in rules:
        assert rule["AllowedMethods"] == ["POST"]
        assert "Authorization" in rule["AllowedHeaders"]
    return tuple(origin for rule in rules for origin in rule["AllowedOrigins"])


def _notification(configuration: dict[str, Any]) -> Notification:
    assert configuration["Event"] == "s3:ObjectCreated:*"
    rules = configuration.get("Filter", {"S3Key": {"Rules": []}})["S3Key"]["Rules"]
    assert all(rule["Name"] == "suffix" for rule in rules)
    return Notification(queue=_name(configuration["Queue"]), suffix="".join(rule["Value"] for rule in rules))


def _queue(properties: dict[str, Any], template: Template) -> Queue:
    redrive = properties["RedrivePolicy"]
    (dead_letters,) = (
        other
        for other in template.properties("AWS::SQS::Queue")
        if other["QueueName"] == _name(redrive["deadLetterTargetArn"])
    )
    return Queue(
        name=properties["QueueName"],
        visibility_timeout=properties["VisibilityTimeout"],
        dead_letter_queue=dead_letters["QueueName"],
        max_receive_count=redrive["maxReceiveCount"],
        retention_seconds=properties["MessageRetentionPeriod"],
        dead_letter_retention_seconds=dead_letters["MessageRetentionPeriod"],
    )


def _table(resource: dict[str, Any]) -> Table:
    properties = resource["Properties"]
    keys = {key["KeyType"]: key["AttributeName"] for key in properties["KeySchema"]}
    assert {attribute["AttributeType"] for attribute in properties["AttributeDefinitions"]} == {"S"}
    return Table(
        name=properties["TableName"],
        key=keys["HASH"],
        sort_key=keys.get("RANGE"),
        ttl_attribute=properties.get("TimeToLiveSpecification", {}).get("AttributeName"),
        kept=resource["DeletionPolicy"] != "Delete",
    )


def _function(properties: dict[str, Any], template: Template, components: Mapping[str, str] | None) -> Function:
    name = properties["FunctionName"]
    (mapping,) = (
        mapping for mapping in template.properties("AWS::Lambda::EventSourceMapping") if mapping["FunctionName"] == name
    )
    (handler,) = properties["ImageConfig"]["Command"]
    return Function(
        name=name,
        component=_component(properties["Code"]["ImageUri"], components),
        handler=HANDLERS[handler],
        timeout=properties["Timeout"],
        memory_mb=properties["MemorySize"],
        scratch_mb=properties["EphemeralStorage"]["Size"],
        queue=_name(mapping["EventSourceArn"]),
        batch_size=mapping["BatchSize"],
        max_concurrency=mapping["ScalingConfig"]["MaximumConcurrency"],
        environment=properties["Environment"]["Variables"],
        sends_to_itself=properties.get("RecursiveLoop") == "Allow",
    )


def _worker(task: dict[str, Any], template: Template, components: Mapping[str, str] | None) -> Function:
    (container,) = task["ContainerDefinitions"]
    (handler,) = container["Command"]
    given = {entry["Name"]: entry["Value"] for entry in container["Environment"]}
    (target,) = (
        target
        for target in template.properties("AWS::ApplicationAutoScaling::ScalableTarget")
        if target["ResourceId"].endswith(f"/{task['Family']}")
    )
    assert given["FUNCTION_NAME"] == task["Family"]
    return Function(
        name=task["Family"],
        component=_component(container["Image"], components),
        handler=HANDLERS[handler],
        timeout=int(given["TIMEOUT"]),
        memory_mb=int(given["MEMORY_MB"]),
        scratch_mb=512,  # there is none: the file system is read-only
        queue=given["QUEUE"],
        batch_size=int(given["BATCH_SIZE"]),
        max_concurrency=target["MaxCapacity"],
        compute="fargate",
        environment={name: value for name, value in given.items() if name not in OF_THE_WORKER},
    )


def _component(image: str, components: Mapping[str, str] | None) -> str:
    tag = image.rpartition(":")[2]
    return tag.split("-", 1)[0] if components is None else components[tag]


def _name(arn: str) -> str:
    return arn.rpartition(":")[2]
