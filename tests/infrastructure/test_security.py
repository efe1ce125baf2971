"""Nothing is public, nothing travels or rests in the clear, and nobody may do more than their code does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.constructs import buckets
from infra.synthesis import synthesize
from infra.template import Template
from rollcall.pipeline.deployment_errors import FindingsLeft
from rollcall.results.announce import SOURCE
from tests.infrastructure.conftest import ACCOUNT, BESPOKE, DEFAULT_PREFIX, DEFAULTS, REGION

# what AWS offers no narrower resource for
UNSCOPED = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    # of ECS, to fetch the image
    "ecr:GetAuthorizationToken",
}
OBJECTS = {
    "video_split": {
        ("input", "s3:GetObject"),
        ("input", "s3:GetObjectVersion"),
        ("stage-1", "s3:PutObject"),
    },
    "face_recognition": {
        ("input", "s3:GetObject"),
        ("stage-1", "s3:GetObject"),
        ("stage-1", "s3:GetObjectVersion"),
        ("stage-1", "s3:PutObject"),
        ("stage-1", "s3:DeleteObjectVersion"),
    },
    "lookup": {
        ("input", "s3:GetObject"),
        ("stage-1", "s3:GetObject"),
        ("output", "s3:GetObject"),
        ("output", "s3:PutObject"),
        ("output", "s3:DeleteObject"),
    },
    "api": {
        ("input", "s3:GetObject"),
        ("input/api", "s3:PutObject"),
        ("input/api/photos", "s3:DeleteObjectVersion"),
        ("output", "s3:GetObject"),
        ("output", "s3:PutObject"),
        ("output", "s3:DeleteObject"),
    },
    "authorizer": set(),
}
TABLES = {
    "video_split": {"jobs", "attempts"},
    "face_recognition": {"jobs", "attempts"},
    "lookup": {"jobs", "faces", "versions", "people", "attempts"},
    "api": {"jobs", "faces", "versions", "people", "api-keys"},
    "authorizer": {"api-keys"},
}


def statements(template: Template) -> Iterator[dict[str, Any]]:
    """What the functions' roles are allowed, with actions and resources as lists."""
    for policy in template.properties("AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny":
                continue
            yield statement | {"Action": _listed(statement["Action"]), "Resource": _listed(statement["Resource"])}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _denies_plain_http(policy: dict[str, Any]) -> bool:
    return any(
        statement["Effect"] == "Deny"
        and statement["Principal"] in ("*", {"AWS": "*"})
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in policy["PolicyDocument"]["Statement"]
    )


def test_every_bucket_is_private(template: Template) -> None:
    for bucket in template.properties("AWS::S3::Bucket"):
        assert bucket["PublicAccessBlockConfiguration"] == {
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        }
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


@pytest.mark.parametrize(
    ("kind", "policies", "guarded"),
    [
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", lambda policy: [policy["Bucket"]]),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", lambda policy: policy["Queues"]),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", lambda policy: policy["Topics"]),
    ],
)
def test_nothing_answers_without_tls(kind: str, policies: str, guarded: Any, template: Template) -> None:
    existing = list(template.properties(kind))

    strict = [policy for policy in template.properties(policies) if _denies_plain_http(policy)]

    assert existing
    assert len({name for policy in strict for name in guarded(policy)}) == len(existing)


def test_only_the_accounts_own_notifying_bucket_may_send_to_a_queue(api_template: Template) -> None:
    senders = {
        statement["Resource"].rpartition(":")[2]: statement["Condition"]
        for policy in api_template.properties("AWS::SQS::QueuePolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    }

    assert senders == {
        f"{DEFAULT_PREFIX}-{queue}": {
            "ArnEquals": {"aws:SourceArn": [f"arn:aws:s3:::{DEFAULT_PREFIX}-{bucket}"]},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        }
        for queue, bucket in (("split", "input"), ("recognize", "stage-1"))
    }


def test_everything_is_encrypted(api_template: Template) -> None:
    for bucket in api_template.properties("AWS::S3::Bucket"):
        assert _encryption(bucket) == {"SSEAlgorithm": "AES256"}
    for queue in api_template.properties("AWS::SQS::Queue"):
        assert queue["SqsManagedSseEnabled"] is True
    for topic in api_template.properties("AWS::SNS::Topic"):
        assert topic["KmsMasterKeyId"]


def test_a_key_of_ones_own_encrypts_buckets_and_tables_and_functions_may_use_it(bespoke_template: Template) -> None:
    key = BESPOKE["kms_key_arn"]

    for bucket in bespoke_template.properties("AWS::S3::Bucket"):
        assert _encryption(bucket) == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    for table in bespoke_template.properties("AWS::DynamoDB::Table"):
        assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    users = [statement for statement in statements(bespoke_template) if statement["Resource"] == [key]]
    assert len(users) == len(list(bespoke_template.properties("AWS::Lambda::Function")))
    assert all({"kms:Decrypt", "kms:GenerateDataKey"} <= set(statement["Action"]) for statement in users)


def test_a_key_of_before_opens_and_encrypts_nothing_more(bespoke_template: Template) -> None:
    key = BESPOKE["kms_former_key_arns"]

    users = [statement for statement in statements(bespoke_template) if statement["Resource"] == [key]]

    assert len(users) == len(list(bespoke_template.properties("AWS::Lambda::Function")))
    assert {action for statement in users for action in statement["Action"]} == {"kms:Decrypt", "kms:DescribeKey"}


def test_keys_are_used_by_way_of_the_stores_alone(any_template: Template) -> None:
    for statement in statements(any_template):
        if any(action.startswith("kms:") for action in statement["Action"]):
            services = [f"{service}.{REGION}.amazonaws.com*" for service in ("dynamodb", "s3")]
            assert statement["Condition"] == {"StringLike": {"kms:ViaService": services}}


def test_events_are_those_of_rollcall_alone(any_template: Template) -> None:
    announcing = [statement for statement in statements(any_template) if "events:PutEvents" in statement["Action"]]

    assert announcing
    for statement in announcing:
        assert statement["Condition"] == {"StringEquals": {"events:source": SOURCE}}


def _encryption(bucket: dict[str, Any]) -> Any:
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    return rule["ServerSideEncryptionByDefault"]


def test_every_table_can_be_restored_and_is_paid_by_use(template: Template) -> None:
    for table in template.properties("AWS::DynamoDB::Table"):
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_no_role_has_a_wildcard_action(any_template: Template) -> None:
    actions = [action for statement in statements(any_template) for action in statement["Action"]]

    assert actions
    assert [action for action in actions if "*" in action] == []


def test_no_role_has_an_unscoped_resource(any_template: Template) -> None:
    for statement in statements(any_template):
        for resource in statement["Resource"]:
            # the objects of one bucket, and the streams of one log group, are as narrow as it gets
            scoped = resource.removesuffix("/*" if ":s3:" in resource else ":*")
            assert "*" not in scoped or set(statement["Action"]) <= UNSCOPED, statement


def test_the_network_is_only_for_functions_in_a_vpc(api_template: Template) -> None:
    actions = {action for statement in statements(api_template) for action in statement["Action"]}

    assert not any(action.startswith("ec2:") for action in actions)


def test_what_lambda_does_to_the_network_a_functions_code_may_not(bespoke_template: Template) -> None:
    for function in bespoke_template.properties("AWS::Lambda::Function"):
        component = function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        own = _of(bespoke_template, component)
        allowed, denied = (
            {action for statement in own if statement["Effect"] == effect for action in statement["Action"]}
            for effect in ("Allow", "Deny")
        )
        (condition,) = (statement["Condition"] for statement in own if statement["Effect"] == "Deny")
        assert denied == {action for action in allowed if action.startswith("ec2:")} != set()
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function['FunctionName']}"
        assert condition == {"ArnEquals": {"lambda:SourceFunctionArn": arn}}


def test_no_role_borrows_a_managed_policy_or_is_open_to_another_service(template: Template) -> None:
    roles = list(template.properties("AWS::IAM::Role"))

    assert len(roles) == len(list(template.properties("AWS::Lambda::Function")))
    for role in roles:
        assert "ManagedPolicyArns" not in role
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


@pytest.mark.parametrize("component", OBJECTS)
def test_each_function_touches_the_objects_that_it_has_to(component: str, api_template: Template) -> None:
    assert _objects(api_template, component) == OBJECTS[component]


def _objects(template: Template, component: str) -> set[tuple[str, str]]:
    return {
        (resource.removeprefix(f"arn:aws:s3:::{DEFAULT_PREFIX}-").removesuffix("/*"), action)
        for statement in _of(template, component)
        for resource in statement["Resource"]
        for action in statement["Action"]
        if resource.startswith("arn:aws:s3:::") and resource.endswith("/*")
    }


def _of(template: Template, component: str) -> list[dict[str, Any]]:
    """The statements of the role that the component's function runs as."""
    (role,) = (
        function["Role"]
        for function in template.properties("AWS::Lambda::Function")
        if function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == component
    )
    (policy,) = (
        policy for policy in template.properties("AWS::IAM::Policy") if policy["Roles"] == [role.rpartition("/")[2]]
    )
    return [
        statement | {"Action": _listed(statement["Action"]), "Resource": _listed(statement["Resource"])}
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_only_lookup_and_the_api_learn_who_is_enrolled(api_template: Template) -> None:
    for component in OBJECTS:
        tables = {
            resource.rpartition("/")[2].removeprefix(f"{DEFAULT_PREFIX}-")
            for statement in _of(api_template, component)
            for resource in statement["Resource"]
            if ":dynamodb:" in resource
        }
        assert tables == TABLES[component]


def test_each_function_writes_to_its_own_log_group_alone(template: Template) -> None:
    groups = {group["LogGroupName"]: group for group in template.properties("AWS::Logs::LogGroup")}
    for function in template.properties("AWS::Lambda::Function"):
        name = f"/aws/lambda/{function['FunctionName']}"
        written = {
            resource
            for statement in _of(template, function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"])
            for resource in statement["Resource"]
            if ":logs:" in resource
        }
        assert [resource.endswith(f":log-group:{name}:*") for resource in written] == [True]
        assert function["LoggingConfig"]["LogGroup"] == name
        assert groups[name]["RetentionInDays"]


def test_functions_are_traced(template: Template) -> None:
    for function in template.properties("AWS::Lambda::Function"):
        assert function["TracingConfig"] == {"Mode": "Active"}


def test_a_broken_rule_without_a_reason_stops_the_synthesis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(buckets, "acknowledge", lambda *_: None)

    with pytest.raises(FindingsLeft):
        synthesize(DEFAULTS, output=tmp_path)

    (report,) = json.loads((tmp_path / "validation-report.json").read_text())["pluginReports"]
    assert {violation["ruleName"] for violation in report["violations"]} == {"AwsSolutions-S1"}


def test_whoever_hands_work_to_itself_may_and_nobody_else(api_template: Template) -> None:
    senders = [
        statement["Action"]
        for statement in statements(api_template)
        if any(resource.endswith(f":{DEFAULT_PREFIX}-split") for resource in statement["Resource"])
        and "sqs:SendMessage" in statement["Action"]
    ]

    assert senders == [["sqs:GetQueueUrl", "sqs:SendMessage"]]


def test_only_who_writes_results_announces_and_only_on_its_own_queue_and_the_accounts_bus(
    api_template: Template,
) -> None:
    told = {
        (component, resource.rpartition(":")[2], action)
        for component in OBJECTS
        for statement in _of(api_template, component)
        for resource in statement["Resource"]
        for action in statement["Action"]
        if resource.endswith("-results") or ":events:" in resource
    }

    assert told == {
        (component, *what)
        for component in ("lookup", "api")
        for what in (
            (f"{DEFAULT_PREFIX}-results", "sqs:GetQueueUrl"),
            (f"{DEFAULT_PREFIX}-results", "sqs:SendMessage"),
            ("event-bus/default", "events:PutEvents"),
        )
    }
