"""What each function may do: the calls that its code makes, on the resources it makes them on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.nag import acknowledge
from rollcall.pipeline.deployment_settings import Deployment
from rollcall.pipeline.description import EVENT_BUS, AnyFunction
from rollcall.pipeline.roles import LOOKUP, RECOGNIZE, SPLIT, dead_letters

_BUCKET = "arn:{partition}:s3:::"
_TABLE = "arn:{partition}:dynamodb:{region}:{account}:table/{prefix}-"
_QUEUE = "arn:{partition}:sqs:{region}:{account}:{prefix}-"

_EVENT_BUS = "arn:{partition}:events:{region}:{account}:event-bus/" + EVENT_BUS
_EVENT_SOURCE = "rollcall"  # as rollcall/results/announce.py signs its events

OBJECTS_REASON = "Keys are the users' own, so every object of this one bucket is meant."
UNSCOPED_REASON = "AWS offers no narrower resource for {actions}."
NETWORK_REASON = (
    "It is Lambda that joins the VPC with them, before the function's code runs and for every subnet that it is given;"
    " the code itself is denied all of them."
)


@dataclass(frozen=True)
class Grant:
    resource: str
    actions: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def _consume(queue: str) -> tuple[Grant, ...]:
    """Rights on a queue for Lambda, which reads it, and for the code, which hides and buries messages that failed."""
    return (
        Grant(
            _QUEUE + queue,
            (
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ChangeMessageVisibility",
                "sqs:GetQueueUrl",
            ),
        ),
        Grant(_QUEUE + dead_letters(queue), ("sqs:GetQueueUrl", "sqs:SendMessage")),
        Grant(_TABLE + "attempts", ("dynamodb:UpdateItem",)),
    )


# HEAD of the newest version needs GetObject; without ListBucket a deleted key answers 403 instead of 404
_WHICH_UPLOAD_COUNTS = (
    Grant(_BUCKET + "{input}/*", ("s3:GetObject",)),
    Grant(_BUCKET + "{input}", ("s3:ListBucket",)),
)
_ANNOUNCE = (
    Grant(_QUEUE + "results", ("sqs:GetQueueUrl", "sqs:SendMessage")),
    # whoever listens to that bus trusts the source of an event
    Grant(_EVENT_BUS, ("events:PutEvents",), {"StringEquals": {"events:source": _EVENT_SOURCE}}),
)
_ASK_FOR_LOOKUP = Grant(_QUEUE + LOOKUP.queue, ("sqs:GetQueueUrl", "sqs:SendMessage"))

# as with uploads: what is gone shall answer 404
_STAGE_1_GONE = Grant(_BUCKET + "{stage-1}", ("s3:ListBucket",))
# a job is removed by whoever finds its upload deleted, and so is what was written for it a moment too late
_JOB = ("dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
_JOBS_OF_A_BATCH = ("dynamodb:BatchGetItem",)

GRANTS: dict[str, tuple[Grant, ...]] = {
    SPLIT.component: (
        *_consume(SPLIT.queue),
        *_WHICH_UPLOAD_COUNTS,
        Grant(_BUCKET + "{input}/*", ("s3:GetObjectVersion",)),
        Grant(_BUCKET + "{stage-1}/*", ("s3:PutObject",)),
        Grant(_TABLE + "jobs", _JOB),
        _ASK_FOR_LOOKUP,
        # ranges of long videos go back to where the uploads came from
        Grant(_QUEUE + SPLIT.queue, ("sqs:GetQueueUrl", "sqs:SendMessage")),
    ),
    RECOGNIZE.component: (
        *_consume(RECOGNIZE.queue),
        *_WHICH_UPLOAD_COUNTS,
        Grant(
            _BUCKET + "{stage-1}/*",
            ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObjectVersion"),
        ),
        _STAGE_1_GONE,
        Grant(_TABLE + "jobs", (*_JOB, *_JOBS_OF_A_BATCH)),
        _ASK_FOR_LOOKUP,
    ),
    LOOKUP.component: (
        *_consume(LOOKUP.queue),
        *_WHICH_UPLOAD_COUNTS,
        Grant(_BUCKET + "{stage-1}/*", ("s3:GetObject",)),
        _STAGE_1_GONE,
        # reading is for texts of names: writing one only if it is unchanged needs it, too
        Grant(_BUCKET + "{output}/*", ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")),
        Grant(_BUCKET + "{output}", ("s3:ListBucket",)),
        Grant(_TABLE + "jobs", (*_JOB, *_JOBS_OF_A_BATCH)),
        Grant(_TABLE + "faces", ("dynamodb:Scan", "dynamodb:BatchGetItem")),
        Grant(_TABLE + "versions", ("dynamodb:GetItem",)),
        Grant(_TABLE + "people", ("dynamodb:BatchGetItem",)),
        _ASK_FOR_LOOKUP,
        *_ANNOUNCE,
    ),
    "api": (
        *_WHICH_UPLOAD_COUNTS,
        # photos that it was sent, and whatever is uploaded with a form that it has signed
        Grant(_BUCKET + "{input}/api/*", ("s3:PutObject",)),
        # of a person who is forgotten
        Grant(_BUCKET + "{input}", ("s3:ListBucketVersions",)),
        Grant(_BUCKET + "{input}/api/photos/*", ("s3:DeleteObjectVersion",)),
        Grant(_BUCKET + "{output}/*", ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")),
        Grant(_BUCKET + "{output}", ("s3:ListBucket",)),
        Grant(_TABLE + "jobs", ("dynamodb:GetItem",)),
        Grant(_TABLE + "faces", ("dynamodb:Scan", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem")),
        Grant(_TABLE + "versions", ("dynamodb:GetItem", "dynamodb:PutItem")),
        Grant(_TABLE + "people", ("dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:DeleteItem")),
        # keys are checked and their requests counted here; they are made and revoked by `rollcall keys`
        Grant(_TABLE + "api-keys", ("dynamodb:GetItem", "dynamodb:UpdateItem")),
        *_ANNOUNCE,
    ),
    # it only looks keys up; their requests are counted by the API
    "authorizer": (Grant(_TABLE + "api-keys", ("dynamodb:GetItem",)),),
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
KEY_USE = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
# of what is still encrypted with a key of before
FORMER_KEY_USE = ("kms:Decrypt", "kms:DescribeKey")


def build_role(
    scope: Construct, construct_id: str, *, function: AnyFunction, prefix: str, deployment: Deployment, in_vpc: bool
) -> iam.Role:
    principal = iam.ServicePrincipal("lambda.amazonaws.com")
    role = iam.Role(scope, construct_id, assumed_by=principal, description=_description(function))
    _allow(role, GRANTS[function.component], prefix=prefix, deployment=deployment)
    _allow_unscoped(role, function, in_vpc=in_vpc)
    return role


def build_task_role(
    scope: Construct, construct_id: str, *, function: AnyFunction, prefix: str, deployment: Deployment
) -> iam.Role:
    principal = iam.ServicePrincipal(
        "ecs-tasks.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
    )
    role = iam.Role(scope, construct_id, assumed_by=principal, description=_description(function))
    _allow(role, GRANTS[function.component], prefix=prefix, deployment=deployment)
    return role


def _description(function: AnyFunction) -> str:
    return f"What {function.component} of Rollcall may do"


def _allow(role: iam.Role, grants: Iterable[Grant], *, prefix: str, deployment: Deployment) -> None:
    names = {"partition": Aws.PARTITION, "region": Aws.REGION, "account": Aws.ACCOUNT_ID, "prefix": prefix}
    names |= {str(role): name for role, name in deployment.bucket_names(prefix).items()}
    for grant in grants:
        resource = grant.resource.format(**names)
        role.add_to_policy(
            iam.PolicyStatement(actions=list(grant.actions), resources=[resource], conditions=grant.conditions)
        )
        if resource.endswith("/*"):
            acknowledge(role, f"AwsSolutions-IAM5[Resource::{_as_nag_writes(resource)}]", OBJECTS_REASON)
    if deployment.kms_key_arn is not None:
        role.add_to_policy(_through_the_stores(KEY_USE, [deployment.kms_key_arn]))
    if deployment.kms_former_key_arns:
        role.add_to_policy(_through_the_stores(FORMER_KEY_USE, deployment.kms_former_key_arns))


def _through_the_stores(actions: Sequence[str], keys: Sequence[str]) -> iam.PolicyStatement:
    """A key is used by S3 and DynamoDB for the role, never by the role itself."""
    # in China the services' names end in .cn here as well
    services = [f"{service}.{Aws.REGION}.amazonaws.com*" for service in ("dynamodb", "s3")]
    return iam.PolicyStatement(
        actions=list(actions), resources=list(keys), conditions={"StringLike": {"kms:ViaService": services}}
    )


def _allow_unscoped(role: iam.Role, function: AnyFunction, *, in_vpc: bool) -> None:
    """The only statements about `*`, besides tracing's, which the function's own construct adds."""
    reason = UNSCOPED_REASON.format(actions=", ".join(TRACING))
    if in_vpc:
        reason = f"{reason} {', '.join(NETWORK)}: {NETWORK_REASON}"
        role.add_to_policy(iam.PolicyStatement(actions=list(NETWORK), resources=["*"]))
        arn = f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{Aws.ACCOUNT_ID}:function:{function.name}"
        role.add_to_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=list(NETWORK),
                resources=["*"],
                conditions={"ArnEquals": {"lambda:SourceFunctionArn": arn}},
            )
        )
    acknowledge(role, "AwsSolutions-IAM5[Resource::*]", reason)


def _as_nag_writes(resource: str) -> str:
    for token, name in ((Aws.PARTITION, "Partition"), (Aws.REGION, "Region"), (Aws.ACCOUNT_ID, "AccountId")):
        resource = resource.replace(token, f"<AWS::{name}>")
    return resource
