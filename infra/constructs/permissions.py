"""What each function may do: the calls that its code makes, on what it makes them on, and nothing else."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.nag import acknowledge
from infra.pipeline import EVENT_BUS, Api, Function

_BUCKET = "arn:{partition}:s3:::{prefix}-"
_TABLE = "arn:{partition}:dynamodb:{region}:{account}:table/{prefix}-"
_QUEUE = "arn:{partition}:sqs:{region}:{account}:{prefix}-"

_EVENT_BUS = "arn:{partition}:events:{region}:{account}:event-bus/" + EVENT_BUS

OBJECTS_REASON = "Keys are the users' own, so every object of this one bucket is meant."
UNSCOPED_REASON = "AWS offers no narrower resource for {actions}."


@dataclass(frozen=True)
class Grant:
    resource: str
    actions: tuple[str, ...]


def _consume(queue: str) -> Grant:
    return Grant(_QUEUE + queue, ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"))


# HEAD of the newest version needs GetObject; without ListBucket a deleted key answers 403 instead of 404
_WHICH_UPLOAD_COUNTS = (
    Grant(_BUCKET + "input/*", ("s3:GetObject",)),
    Grant(_BUCKET + "input", ("s3:ListBucket",)),
)
_ANNOUNCE = (
    Grant(_QUEUE + "results", ("sqs:GetQueueUrl", "sqs:SendMessage")),
    Grant(_EVENT_BUS, ("events:PutEvents",)),
)
_ASK_FOR_LOOKUP = Grant(_QUEUE + "lookup", ("sqs:GetQueueUrl", "sqs:SendMessage"))

GRANTS: dict[str, tuple[Grant, ...]] = {
    "video_split": (
        _consume("split"),
        *_WHICH_UPLOAD_COUNTS,
        Grant(_BUCKET + "input/*", ("s3:GetObjectVersion",)),
        Grant(_BUCKET + "stage-1/*", ("s3:PutObject",)),
        Grant(_TABLE + "jobs", ("dynamodb:UpdateItem",)),
        _ASK_FOR_LOOKUP,
        # ranges of long videos go back to where the uploads came from
        Grant(_QUEUE + "split", ("sqs:GetQueueUrl", "sqs:SendMessage")),
    ),
    "face_recognition": (
        _consume("recognize"),
        *_WHICH_UPLOAD_COUNTS,
        Grant(_BUCKET + "stage-1/*", ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject")),
        Grant(_TABLE + "jobs", ("dynamodb:GetItem", "dynamodb:UpdateItem")),
        _ASK_FOR_LOOKUP,
    ),
    "lookup": (
        _consume("lookup"),
        *_WHICH_UPLOAD_COUNTS,
        Grant(_BUCKET + "stage-1/*", ("s3:GetObject",)),
        Grant(_BUCKET + "output/*", ("s3:PutObject", "s3:DeleteObject")),
        Grant(_BUCKET + "output", ("s3:ListBucket",)),
        Grant(_TABLE + "jobs", ("dynamodb:GetItem", "dynamodb:UpdateItem")),
        Grant(_TABLE + "faces", ("dynamodb:Scan",)),
        Grant(_TABLE + "people", ("dynamodb:BatchGetItem",)),
        _ASK_FOR_LOOKUP,
        *_ANNOUNCE,
    ),
    "api": (
        *_WHICH_UPLOAD_COUNTS,
        # photos that it was sent, and whatever is uploaded with a form that it has signed
        Grant(_BUCKET + "input/api/*", ("s3:PutObject",)),
        # of a person who is forgotten
        Grant(_BUCKET + "input", ("s3:ListBucketVersions",)),
        Grant(_BUCKET + "input/api/photos/*", ("s3:DeleteObjectVersion",)),
        Grant(_BUCKET + "output/*", ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")),
        Grant(_BUCKET + "output", ("s3:ListBucket",)),
        Grant(_TABLE + "jobs", ("dynamodb:GetItem",)),
        Grant(_TABLE + "faces", ("dynamodb:Scan", "dynamodb:Query", "dynamodb:BatchWriteItem")),
        Grant(_TABLE + "people", ("dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:DeleteItem")),
        # keys are checked and their requests counted here; they are made and revoked by `rollcall keys`
        Grant(_TABLE + "api-keys", ("dynamodb:GetItem", "dynamodb:UpdateItem")),
        *_ANNOUNCE,
    ),
}

TRACING = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
# what Lambda itself, never the function's code, does to join a VPC
NETWORK = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
# of one's own key, for the buckets by way of S3 and for the tables by way of DynamoDB
KEY_USE = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


def build_role(
    scope: Construct, construct_id: str, *, function: Function | Api, prefix: str, key_arn: str | None, in_vpc: bool
) -> iam.Role:
    principal = iam.ServicePrincipal("lambda.amazonaws.com")
    role = iam.Role(scope, construct_id, assumed_by=principal, description=_description(function))
    _allow(role, GRANTS[function.component], prefix=prefix, key_arn=key_arn)
    for statement in _unscoped(role, in_vpc=in_vpc):
        role.add_to_policy(statement)
    return role


def build_worker_role(
    scope: Construct, construct_id: str, *, function: Function, prefix: str, key_arn: str | None
) -> iam.Role:
    """What the function may do and, since no event source mapping does it, to look after the messages in hand."""
    queue = _QUEUE + function.queue.removeprefix(f"{prefix}-")
    in_hand = Grant(queue, ("sqs:ChangeMessageVisibility", "sqs:GetQueueUrl"))
    return build_task_role(scope, construct_id, function=function, prefix=prefix, key_arn=key_arn, more=(in_hand,))


def build_task_role(
    scope: Construct,
    construct_id: str,
    *,
    function: Function | Api,
    prefix: str,
    key_arn: str | None,
    more: tuple[Grant, ...] = (),
) -> iam.Role:
    principal = iam.ServicePrincipal(
        "ecs-tasks.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
    )
    role = iam.Role(scope, construct_id, assumed_by=principal, description=_description(function))
    _allow(role, (*GRANTS[function.component], *more), prefix=prefix, key_arn=key_arn)
    return role


def _description(function: Function | Api) -> str:
    return f"What {function.component} of Rollcall may do"


def _allow(role: iam.Role, grants: Iterable[Grant], *, prefix: str, key_arn: str | None) -> None:
    names = {"partition": Aws.PARTITION, "region": Aws.REGION, "account": Aws.ACCOUNT_ID, "prefix": prefix}
    for grant in grants:
        resource = grant.resource.format(**names)
        role.add_to_policy(iam.PolicyStatement(actions=list(grant.actions), resources=[resource]))
        if resource.endswith("/*"):
            acknowledge(role, f"AwsSolutions-IAM5[Resource::{_as_nag_writes(resource)}]", OBJECTS_REASON)
    if key_arn is not None:
        role.add_to_policy(iam.PolicyStatement(actions=list(KEY_USE), resources=[key_arn]))


def _unscoped(role: iam.Role, *, in_vpc: bool) -> Iterator[iam.PolicyStatement]:
    """The only statements about `*`. Tracing's is there already: the function's own construct adds it."""
    actions = TRACING + (NETWORK if in_vpc else ())
    acknowledge(role, "AwsSolutions-IAM5[Resource::*]", UNSCOPED_REASON.format(actions=", ".join(actions)))
    if in_vpc:
        yield iam.PolicyStatement(actions=list(NETWORK), resources=["*"])


def _as_nag_writes(resource: str) -> str:
    for token, name in ((Aws.PARTITION, "Partition"), (Aws.REGION, "Region"), (Aws.ACCOUNT_ID, "AccountId")):
        resource = resource.replace(token, f"<AWS::{name}>")
    return resource
