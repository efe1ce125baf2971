"""The pipeline as a template would deploy it, in the terms of its description: so that the two can be compared."""

from typing import Any

from infra.pipeline import Bucket, Function, Notification, Pipeline, Queue, Table
from infra.template import Template


def read_back(template: Template, *, prefix: str) -> Pipeline:
    return Pipeline(
        prefix=prefix,
        buckets=tuple(_bucket(properties) for properties in template.properties("AWS::S3::Bucket")),
        queues=tuple(
            _queue(properties) for properties in template.properties("AWS::SQS::Queue") if "RedrivePolicy" in properties
        ),
        tables=tuple(_table(properties) for properties in template.properties("AWS::DynamoDB::Table")),
        functions=tuple(_function(properties, template) for properties in template.properties("AWS::Lambda::Function")),
    )


def _bucket(properties: dict[str, Any]) -> Bucket:
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    configurations = properties.get("NotificationConfiguration", {}).get("QueueConfigurations", [])
    return Bucket(
        name=properties["BucketName"],
        versioned=properties.get("VersioningConfiguration") == {"Status": "Enabled"},
        expire_days=rule.get("ExpirationInDays"),
        notifications=tuple(_notification(configuration) for configuration in configurations),
    )


def _notification(configuration: dict[str, Any]) -> Notification:
    assert configuration["Event"] == "s3:ObjectCreated:*"
    rules = configuration.get("Filter", {"S3Key": {"Rules": []}})["S3Key"]["Rules"]
    assert all(rule["Name"] == "suffix" for rule in rules)
    return Notification(queue=_name(configuration["Queue"]), suffix="".join(rule["Value"] for rule in rules))


def _queue(properties: dict[str, Any]) -> Queue:
    redrive = properties["RedrivePolicy"]
    return Queue(
        name=properties["QueueName"],
        visibility_timeout=properties["VisibilityTimeout"],
        dead_letter_queue=_name(redrive["deadLetterTargetArn"]),
        max_receive_count=redrive["maxReceiveCount"],
        retention_seconds=properties["MessageRetentionPeriod"],
    )


def _table(properties: dict[str, Any]) -> Table:
    keys = {key["KeyType"]: key["AttributeName"] for key in properties["KeySchema"]}
    assert {attribute["AttributeType"] for attribute in properties["AttributeDefinitions"]} == {"S"}
    return Table(
        name=properties["TableName"],
        key=keys["HASH"],
        sort_key=keys.get("RANGE"),
        ttl_attribute=properties.get("TimeToLiveSpecification", {}).get("AttributeName"),
    )


def _function(properties: dict[str, Any], template: Template) -> Function:
    name = properties["FunctionName"]
    (mapping,) = (
        mapping for mapping in template.properties("AWS::Lambda::EventSourceMapping") if mapping["FunctionName"] == name
    )
    (handler,) = properties["ImageConfig"]["Command"]
    component, _ = properties["Code"]["ImageUri"].rpartition(":")[2].split("-", 1)  # tags are <component>-<version>
    return Function(
        name=name,
        component=component,
        handler=handler,
        timeout=properties["Timeout"],
        memory_mb=properties["MemorySize"],
        scratch_mb=properties["EphemeralStorage"]["Size"],
        queue=_name(mapping["EventSourceArn"]),
        batch_size=mapping["BatchSize"],
        max_concurrency=mapping["ScalingConfig"]["MaximumConcurrency"],
        environment=properties["Environment"]["Variables"],
        sends_to_itself=properties.get("RecursiveLoop") == "Allow",
    )


def _name(arn: str) -> str:
    return arn.rpartition(":")[2]
