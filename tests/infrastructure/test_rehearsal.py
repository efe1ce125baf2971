"""The template that would be deployed, created in moto's CloudFormation and used."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra import teardown
from infra.rehearsal import LEFT_OUT, Clients, NotCreated, bend, create
from infra.template import Template
from rollcall.local.provision import provision
from rollcall.pipeline.description import DAY_SECONDS, describe
from rollcall.pipeline.settings import Settings
from tests.infrastructure.conftest import DEFAULT_PREFIX, DEFAULTS, PLACE, Synthesize

Aws = Callable[[str], Any]
STACK = "rollcall"


@pytest.fixture(scope="module")
def stack(aws: Aws, default_document: dict[str, Any], default_template: Template) -> str:
    create(STACK, default_document, default_template, clients(aws))
    return STACK


def clients(aws: Aws) -> Clients:
    return Clients(cloudformation=aws("cloudformation"), s3=aws("s3"), dynamodb=aws("dynamodb"))


def test_the_whole_stack_is_created(stack: str, aws: Aws, default_document: dict[str, Any]) -> None:
    assert_created(aws, stack, default_document)


def assert_created(aws: Aws, stack: str, document: dict[str, Any]) -> None:
    """All but what the rehearsal says that it leaves out."""
    resources = aws("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    expected = [entry["Type"] for entry in document["Resources"].values() if entry["Type"] not in LEFT_OUT]
    assert {resource["ResourceStatus"] for resource in resources} == {"CREATE_COMPLETE"}
    assert sorted(resource["ResourceType"] for resource in resources) == sorted(expected)


@pytest.fixture(scope="module")
def other_stack(aws: Aws, synthesize: Synthesize) -> Callable[..., dict[str, Any]]:
    """Creates one with these settings, under a prefix of its own, and gives its document."""

    def build(prefix: str, **settings: str) -> dict[str, Any]:
        document, _ = synthesize(DEFAULTS | {"prefix": prefix} | settings)
        create(prefix, document, Template(document, PLACE), clients(aws))
        return document

    return build


@pytest.mark.parametrize("auth", ["keys", "iam"])
def test_the_api_as_a_function_is_created(auth: str, aws: Aws, other_stack: Callable[..., dict[str, Any]]) -> None:
    document = other_stack(f"api-{auth}", api="lambda", api_auth=auth)

    assert_created(aws, f"api-{auth}", document)
    function = aws("lambda").get_function_configuration(FunctionName=f"api-{auth}-api")
    assert function["Environment"]["Variables"]["AUTH"] == auth
    outputs = aws("cloudformation").describe_stacks(StackName=f"api-{auth}")["Stacks"][0]["Outputs"]
    of_the_gateway = {"ApiUrl"}  # which moto does not make
    assert {output["OutputKey"] for output in outputs} == document["Outputs"].keys() - of_the_gateway


def test_the_api_as_containers_is_created(aws: Aws, other_stack: Callable[..., dict[str, Any]]) -> None:
    certificate = aws("acm").request_certificate(DomainName="api.example.org")["CertificateArn"]

    document = other_stack("api-server", api="container", api_certificate_arn=certificate, api_domain="api.example.org")

    assert_created(aws, "api-server", document)
    (balancer,) = aws("elbv2").describe_load_balancers()["LoadBalancers"]
    (listener,) = aws("elbv2").describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert (balancer["Scheme"], listener["Protocol"], listener["Port"]) == ("internet-facing", "HTTPS", 443)
    assert running_task(aws, cluster="api-server-api", service="api-server-api")["entryPoint"][-1] == "functions.api"


def test_workers_on_fargate_are_created(aws: Aws, other_stack: Callable[..., dict[str, Any]]) -> None:
    document = other_stack("workers", compute="fargate", max_concurrency="20")

    assert_created(aws, "workers", document)
    task = running_task(aws, cluster="workers", service="workers-face-recognition")
    assert task["entryPoint"][-1] == "functions.worker"
    assert task["command"] == ["functions.face_recognition.handler.handler"]


def test_the_teardown_ends_workers_for_good(
    aws: Aws, other_stack: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    other_stack("ending", compute="fargate")
    ecs, scaling = aws("ecs"), aws("application-autoscaling")
    resource = "service/ending/ending-face-recognition"
    scaling.register_scalable_target(  # which moto's CloudFormation does not make
        ServiceNamespace="ecs",
        ResourceId=resource,
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=0,
        MaxCapacity=10,
    )
    looks = iter(["RUNNING", "DEACTIVATING", "STOPPED"])
    monkeypatch.setattr(teardown, "CHECK_SECONDS", 0)
    monkeypatch.setattr(teardown, "_has_tasks", lambda *_: next(looks) != "STOPPED")

    teardown.stop_services("ending", aws("cloudformation"), ecs, scaling)

    assert next(looks, "none left") == "none left"
    (service,) = ecs.describe_services(cluster="ending", services=["ending-face-recognition"])["services"]
    assert service["desiredCount"] == 0
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource])["ScalableTargets"]
    assert set(target["SuspendedState"].values()) == {True}


@pytest.mark.parametrize(("status", "alive"), [("RUNNING", True), ("STOPPING", True), ("STOPPED", False)])
def test_a_task_that_was_told_to_end_is_waited_for(status: str, alive: bool) -> None:
    """ECS lists such a task under the status that it shall have, before it has it."""
    arn = "arn:aws:ecs:eu-west-1:123456789012:service/acme/acme-face-recognition"
    ecs = boto3.client("ecs", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(ecs) as answers:
        where = {"cluster": "acme", "serviceName": "acme-face-recognition"}
        answers.add_response("list_tasks", {"taskArns": []}, where | {"desiredStatus": "RUNNING"})
        answers.add_response("list_tasks", {"taskArns": ["task"]}, where | {"desiredStatus": "STOPPED"})
        answers.add_response(
            "describe_tasks", {"tasks": [{"lastStatus": status}]}, {"cluster": "acme", "tasks": ["task"]}
        )

        assert teardown._has_tasks(arn, ecs) == alive


def running_task(aws: Aws, *, cluster: str, service: str) -> dict[str, Any]:
    """The container that the service runs."""
    ecs = aws("ecs")
    (described,) = ecs.describe_services(cluster=cluster, services=[service])["services"]
    task = ecs.describe_task_definition(taskDefinition=described["taskDefinition"])["taskDefinition"]
    (container,) = task["containerDefinitions"]
    return dict(container)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("bucket", "key", "queue"),
    [("input", "Späti 1+2.mp4", "split"), ("stage-1", "Späti 1+2.mp4/gop-00000.zip", "recognize")],
)
def test_an_object_is_told_to_its_queue_with_its_version(bucket: str, key: str, queue: str, aws: Aws) -> None:
    put = aws("s3").put_object(Bucket=f"{DEFAULT_PREFIX}-{bucket}", Key=key, Body=b"some bytes")

    events = records(aws, queue)

    described = [event["s3"]["object"] for event in events]
    assert [(entry["key"], entry["versionId"]) for entry in described] == [
        (key.replace("ä", "%C3%A4").replace(" ", "+", 1).replace("1+2", "1%2B2"), put["VersionId"])
    ]


@pytest.mark.usefixtures("stack")
def test_only_packs_are_told_to_the_recognize_queue(aws: Aws) -> None:
    aws("s3").put_object(Bucket=f"{DEFAULT_PREFIX}-stage-1", Key="a.mp4/job/gop-00000.faces.json", Body=b"{}")

    assert records(aws, "recognize") == []


def records(aws: Aws, queue: str) -> list[dict[str, Any]]:
    """The keys of all S3 events that wait in the queue; they are taken out."""
    sqs = aws("sqs")
    url = sqs.get_queue_url(QueueName=f"{DEFAULT_PREFIX}-{queue}")["QueueUrl"]
    found: list[dict[str, Any]] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            found += json.loads(message["Body"]).get("Records", [])  # S3's test event has none
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


@pytest.mark.usefixtures("stack")
def test_what_nobody_ever_begins_ends_among_the_dead_letters(aws: Aws) -> None:
    (split,) = (queue for queue in describe(Settings()).queues if queue.name.endswith("-split"))
    sqs = aws("sqs")
    url, dead = (
        sqs.get_queue_url(QueueName=f"{DEFAULT_PREFIX}-{name}")["QueueUrl"] for name in ("split", "split-dead-letters")
    )
    sqs.send_message(QueueUrl=url, MessageBody="poison")

    received: list[str] = []  # S3's test events as well
    while messages := sqs.receive_message(QueueUrl=url, VisibilityTimeout=0).get("Messages"):
        received += [message["Body"] for message in messages]

    assert received.count("poison") == split.max_receive_count
    letters = sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10)["Messages"]
    assert [letter["Body"] for letter in letters].count("poison") == 1


@pytest.mark.usefixtures("stack")
def test_it_is_what_the_local_cloud_provisions(aws: Aws) -> None:
    local = describe(Settings(prefix="local"))
    provision(local, s3=aws("s3"), sqs=aws("sqs"), dynamodb=aws("dynamodb"))

    for bucket in local.buckets:
        assert bucket_view(aws, bucket.name) == bucket_view(aws, bucket.name.replace("local", DEFAULT_PREFIX, 1))
    for queue in local.queues:
        assert queue_view(aws, queue.name) == queue_view(aws, queue.name.replace("local", DEFAULT_PREFIX, 1))
    assert local.results is not None
    assert retention(aws, local.results.name) == retention(aws, f"{DEFAULT_PREFIX}-results") == str(DAY_SECONDS)
    for table in local.tables:
        assert table_view(aws, table.name) == table_view(aws, table.name.replace("local", DEFAULT_PREFIX, 1))


def bucket_view(aws: Aws, name: str) -> Any:
    s3 = aws("s3")
    notifications = s3.get_bucket_notification_configuration(Bucket=name).get("QueueConfigurations", [])
    return (
        s3.get_bucket_versioning(Bucket=name).get("Status"),
        [(role(entry["QueueArn"]), entry["Events"], entry.get("Filter")) for entry in notifications],
    )


def queue_view(aws: Aws, name: str) -> Any:
    sqs = aws("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    redrive = json.loads(attributes["RedrivePolicy"])
    return (
        attributes["VisibilityTimeout"],
        attributes["MessageRetentionPeriod"],
        role(redrive["deadLetterTargetArn"]),
        redrive["maxReceiveCount"],
    )


def retention(aws: Aws, queue: str) -> str:
    sqs = aws("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MessageRetentionPeriod"])["Attributes"]
    return str(attributes["MessageRetentionPeriod"])


def table_view(aws: Aws, name: str) -> Any:
    dynamodb = aws("dynamodb")
    described = dynamodb.describe_table(TableName=name)["Table"]
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    definitions = sorted(described["AttributeDefinitions"], key=lambda entry: entry["AttributeName"])
    return described["KeySchema"], definitions, described["BillingModeSummary"]["BillingMode"], expiry


def role(arn: str) -> str:
    return arn.rpartition(":")[2].removeprefix(f"{DEFAULT_PREFIX}-").removeprefix("local-")


@pytest.mark.usefixtures("stack")
def test_the_teardown_empties_what_goes_with_the_stack_and_nothing_else(aws: Aws) -> None:
    s3 = aws("s3")
    for bucket in ("input", "stage-1"):
        for body in (b"old", b"new"):
            s3.put_object(Bucket=f"{DEFAULT_PREFIX}-{bucket}", Key="kept-or-not", Body=body)
    s3.delete_object(Bucket=f"{DEFAULT_PREFIX}-stage-1", Key="kept-or-not")

    doomed = list(teardown.passing_buckets(STACK, aws("cloudformation")))
    for bucket in doomed:
        teardown.empty(bucket, s3)

    assert doomed == [f"{DEFAULT_PREFIX}-stage-1"]
    emptied = s3.list_object_versions(Bucket=f"{DEFAULT_PREFIX}-stage-1")
    assert "Versions" not in emptied and "DeleteMarkers" not in emptied
    assert s3.get_object(Bucket=f"{DEFAULT_PREFIX}-input", Key="kept-or-not")["Body"].read() == b"new"


def test_a_stack_that_does_not_come_to_be_is_an_error(
    aws: Aws, default_document: dict[str, Any], default_template: Template
) -> None:
    broken = bend(default_document)
    for resource in broken["Resources"].values():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            resource["Properties"]["EventSourceArn"] = "arn:aws:sqs:eu-west-1:123456789012:nowhere"

    with pytest.raises((NotCreated, aws("cloudformation").exceptions.ClientError)):
        create("broken", broken, default_template, clients(aws))
