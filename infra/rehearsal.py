"""Creates the synthesized template in moto's CloudFormation, so that it is used before it is deployed.

All that is bent for it:

1. The bootstrap version's parameter and rule are left out: moto cannot answer them.
2. Resources that moto's CloudFormation does not know are left out, with what is nothing without them (`LEFT_OUT`) and
   the outputs that name them.
3. Properties that it takes and then forgets are set from the template afterwards: of buckets the versioning, lifetime
   and notifications, of tables what expires.
4. Event source mappings are created disabled: moto would start containers; the local Lambda host reads the queues.
5. KMS keys are created without tags, which moto reads by other names than CloudFormation's.
6. Where the CDK command deploys it (`bend_assembly`), it neither builds nor pushes images: they are run from where
   `make images` puts them. Nor does it protect the stack from deletion, for which moto has no call. And the server has
   to be called `localhost`: of any other host moto takes the first part for a bucket, and looks for the template in it.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from infra.template import Template, references
from rollcall.contracts.errors import RollcallError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

LEFT_OUT = (
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::ECS::ClusterCapacityProviderAssociations",
    "AWS::S3::BucketPolicy",
    "AWS::Scheduler::Schedule",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    # known, but about alarms and an HTTP API
    "AWS::CloudWatch::Dashboard",
    "AWS::Lambda::Permission",
)


class NotCreated(RollcallError):
    """The stack did not come to be; the message says in which state it ended, and why."""


@dataclass(frozen=True, kw_only=True)
class Clients:
    cloudformation: "CloudFormationClient"
    s3: "S3Client"
    dynamodb: "DynamoDBClient"


def create(
    name: str,
    document: Mapping[str, Any],
    template: Template,
    clients: Clients,
    *,
    told: Mapping[str, str] = MappingProxyType({}),
    protected: bool = False,
) -> None:
    """`template` is `document` with its references filled in for moto's account and the clients' region.

    told: outputs in the place of those that are left out; protected: from deletion.
    """
    bent = bend(document)
    bent["Outputs"] |= {output: {"Value": value} for output, value in told.items()}
    clients.cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(bent),
        Capabilities=["CAPABILITY_IAM"],
        EnableTerminationProtection=protected,
    )
    complete(name, template, clients)


def complete(name: str, template: Template, clients: Clients) -> None:
    """Sets what moto's CloudFormation forgot; raises NotCreated."""
    stack = clients.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise NotCreated(f"stack {name} is {stack['StackStatus']}: {stack.get('StackStatusReason', 'no reason given')}")
    for bucket in template.properties("AWS::S3::Bucket"):
        _complete_bucket(bucket, clients.s3)
    for table in template.properties("AWS::DynamoDB::Table"):
        if "TimeToLiveSpecification" in table:
            clients.dynamodb.update_time_to_live(
                TableName=table["TableName"], TimeToLiveSpecification=table["TimeToLiveSpecification"]
            )


def bend(document: Mapping[str, Any]) -> dict[str, Any]:
    bent = copy.deepcopy({part: document[part] for part in ("Resources", "Outputs")})
    kept = {name: resource for name, resource in bent["Resources"].items() if resource["Type"] not in LEFT_OUT}
    outputs = {name: output for name, output in bent["Outputs"].items() if references(output) <= kept.keys()}
    for resource in kept.values():
        resource["DependsOn"] = [name for name in _listed(resource.get("DependsOn", [])) if name in kept]
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            resource["Properties"]["Enabled"] = False
        if resource["Type"] == "AWS::KMS::Key":
            resource["Properties"].pop("Tags", None)
    return {"Resources": kept, "Outputs": outputs}


def bend_assembly(folder: Path) -> None:
    """Bends a cloud assembly for `cdk deploy --app FOLDER`."""
    template, assets = folder / "Rollcall.template.json", folder / "Rollcall.assets.json"
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["artifacts"]["Rollcall"]["properties"].pop("terminationProtection", None)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    template.write_text(json.dumps(bend(json.loads(template.read_text()))))
    assets.write_text(json.dumps(json.loads(assets.read_text()) | {"dockerImages": {}}))


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


def _complete_bucket(bucket: Mapping[str, Any], s3: "S3Client") -> None:
    name = bucket["BucketName"]
    if "VersioningConfiguration" in bucket:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=bucket["VersioningConfiguration"])
    s3.put_bucket_lifecycle_configuration(
        Bucket=name,
        LifecycleConfiguration={"Rules": [_lifecycle_rule(rule) for rule in bucket["LifecycleConfiguration"]["Rules"]]},
    )
    configurations = bucket.get("NotificationConfiguration", {}).get("QueueConfigurations", [])
    if configurations:
        s3.put_bucket_notification_configuration(
            Bucket=name,
            NotificationConfiguration={"QueueConfigurations": [_notification(entry) for entry in configurations]},
        )


def _lifecycle_rule(rule: Mapping[str, Any]) -> Any:
    """CloudFormation flattens what the API nests."""
    nested = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {"Prefix": ""}}
    if "ExpirationInDays" in rule:
        nested["Expiration"] = {"Days": rule["ExpirationInDays"]}
    if rule.get("ExpiredObjectDeleteMarker"):
        nested["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    for part in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if part in rule:
            nested[part] = rule[part]
    return nested


def _notification(configuration: Mapping[str, Any]) -> Any:
    entry = {"QueueArn": configuration["Queue"], "Events": [configuration["Event"]]}
    if "Filter" in configuration:
        rules = configuration["Filter"]["S3Key"]["Rules"]
        entry["Filter"] = {"Key": {"FilterRules": rules}}
    return entry
