"""Buckets, queues, tables and notifications of a pipeline, made through the AWS API; doing it again changes nothing."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from rollcall.local.store.sqs.repeats import TAG as ONCE
from rollcall.pipeline.description import (
    CORS_HEADERS,
    CORS_SECONDS,
    EXPOSED_HEADERS,
    Bucket,
    Pipeline,
    Queue,
    Table,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import CreateTableInputTypeDef
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CORSRuleTypeDef
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType


@dataclass(frozen=True, kw_only=True)
class QueueAddress:
    url: str
    arn: str


class Provision(Protocol):
    """Makes what a pipeline needs, and returns the address of every queue that a function reads, by name."""

    def __call__(
        self, pipeline: Pipeline, *, s3: "S3Client", sqs: "SQSClient", dynamodb: "DynamoDBClient"
    ) -> Mapping[str, QueueAddress]: ...


def provision(
    pipeline: Pipeline, *, s3: "S3Client", sqs: "SQSClient", dynamodb: "DynamoDBClient"
) -> Mapping[str, QueueAddress]:
    """Returns the address of every queue by name. Queues come first: S3 notifies only queues that exist."""
    queues = {queue.name: _create_queue_with_dead_letters(sqs, queue, pipeline.buckets) for queue in pipeline.queues}
    if pipeline.results is not None:
        results = _create_queue(
            sqs, pipeline.results.name, {"MessageRetentionPeriod": str(pipeline.results.retention_seconds)}
        )
        sqs.tag_queue(QueueUrl=results.url, Tags={ONCE: "id"})
    for bucket in pipeline.buckets:
        _create_bucket(s3, bucket, queues)
    for table in pipeline.tables:
        _create_table(dynamodb, table)
    return queues


def _create_queue_with_dead_letters(sqs: "SQSClient", queue: Queue, buckets: tuple[Bucket, ...]) -> QueueAddress:
    dead_letters = _create_queue(
        sqs, queue.dead_letter_queue, {"MessageRetentionPeriod": str(queue.dead_letter_retention_seconds)}
    )
    redrive = {"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": queue.max_receive_count}
    address = _create_queue(
        sqs,
        queue.name,
        {
            "VisibilityTimeout": str(queue.visibility_timeout),
            "MessageRetentionPeriod": str(queue.retention_seconds),
            "RedrivePolicy": json.dumps(redrive),
        },
    )
    senders = [
        f"arn:aws:s3:::{bucket.name}"
        for bucket in buckets
        if any(notification.queue == queue.name for notification in bucket.notifications)
    ]
    if senders:
        policy = json.dumps(_send_policy(address.arn, senders))
        sqs.set_queue_attributes(QueueUrl=address.url, Attributes={"Policy": policy})
    return address


def _create_queue(sqs: "SQSClient", name: str, attributes: "Mapping[QueueAttributeNameType, str]") -> QueueAddress:
    # attributes apart from creation: SQS refuses to "create" an existing queue with other attributes
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return QueueAddress(url=url, arn=arn)


def _send_policy(queue_arn: str, bucket_arns: list[str]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "BucketsNotify",
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": bucket_arns}},
            }
        ],
    }


def _create_bucket(s3: "S3Client", bucket: Bucket, queues: Mapping[str, QueueAddress]) -> None:
    region = s3.meta.region_name
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        if region == "us-east-1":  # the one region that must not be named
            s3.create_bucket(Bucket=bucket.name)
        else:
            s3.create_bucket(Bucket=bucket.name, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item]
    s3.put_public_access_block(
        Bucket=bucket.name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    if bucket.versioned:
        s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    if bucket.expire_days is not None:
        _expire(s3, bucket.name, bucket.expire_days, bucket.replaced_days)
    if bucket.form_origins:
        _let_pages_upload(s3, bucket)
    if bucket.notifications:
        s3.put_bucket_notification_configuration(
            Bucket=bucket.name, NotificationConfiguration={"QueueConfigurations": _notifications(bucket, queues)}
        )


def _let_pages_upload(s3: "S3Client", bucket: Bucket) -> None:
    rule: CORSRuleTypeDef = {
        "AllowedOrigins": bucket.form_origins,
        "AllowedMethods": ["POST"],
        "AllowedHeaders": CORS_HEADERS,
        "ExposeHeaders": EXPOSED_HEADERS,
        "MaxAgeSeconds": CORS_SECONDS,
    }
    s3.put_bucket_cors(Bucket=bucket.name, CORSConfiguration={"CORSRules": [rule]})


def _expire(s3: "S3Client", bucket: str, days: int, replaced_days: int) -> None:
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "expire",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "Expiration": {"Days": days},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": replaced_days},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": replaced_days},
                }
            ]
        },
    )


def _notifications(bucket: Bucket, queues: Mapping[str, QueueAddress]) -> list[Any]:
    return [
        {
            "Id": notification.queue,
            "QueueArn": queues[notification.queue].arn,
            "Events": ["s3:ObjectCreated:*"],
        }
        | ({"Filter": _suffix_filter(notification.suffix)} if notification.suffix else {})
        for notification in bucket.notifications
    ]


def _suffix_filter(suffix: str) -> dict[str, Any]:
    return {"Key": {"FilterRules": [{"Name": "suffix", "Value": suffix}]}}


def _create_table(dynamodb: "DynamoDBClient", table: Table) -> None:
    keys = [(table.key, "HASH")] + ([(table.sort_key, "RANGE")] if table.sort_key else [])
    definition: CreateTableInputTypeDef = {
        "TableName": table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in keys],  # type: ignore[typeddict-item]
    }
    with contextlib.suppress(dynamodb.exceptions.ResourceInUseException):
        dynamodb.create_table(**definition)
    dynamodb.get_waiter("table_exists").wait(TableName=table.name, WaiterConfig={"Delay": 1})
    if table.ttl_attribute is not None:
        _expire_items(dynamodb, table.name, table.ttl_attribute)


def _expire_items(dynamodb: "DynamoDBClient", table: str, attribute: str) -> None:
    described = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if described.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):  # enabling it twice is an error
        dynamodb.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute}
        )
