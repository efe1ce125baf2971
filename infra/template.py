"""A synthesized template as one account and region would see it: every reference filled in."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Resource = dict[str, Any]

_NAMED_BY = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::ECS::Service": "ServiceName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
}
_ARNS = {
    "AWS::CloudWatch::Alarm": "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::DynamoDB::Table": "arn:{partition}:dynamodb:{region}:{account}:table/{name}",
    "AWS::IAM::Role": "arn:{partition}:iam::{account}:role/{name}",
    "AWS::KMS::Key": "arn:{partition}:kms:{region}:{account}:key/{name}",
    "AWS::Lambda::Function": "arn:{partition}:lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "arn:{partition}:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:{partition}:s3:::{name}",
    "AWS::SNS::Topic": "arn:{partition}:sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "arn:{partition}:sqs:{region}:{account}:{name}",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    account: str
    region: str
    partition: str = "aws"
    url_suffix: str = "amazonaws.com"


class Template:
    def __init__(self, document: Mapping[str, Any], place: Place) -> None:
        self._resources: dict[str, Resource] = document["Resources"]
        self._outputs: dict[str, Any] = document.get("Outputs", {})
        self._place = place
        self._intrinsics: dict[str, Callable[[Any], Any]] = {
            "Ref": self._reference,
            "Fn::GetAtt": self._attribute,
            "Fn::Join": self._join,
            "Fn::Sub": self._substitute,
        }

    def output(self, name: str) -> str:
        return str(self.resolve(self._outputs[name]["Value"]))

    def properties(self, kind: str) -> Iterator[dict[str, Any]]:
        """The properties of each resource of this type, such as `AWS::S3::Bucket`."""
        for resource in self.resources(kind):
            yield resource.get("Properties", {})

    def names(self, kind: str) -> Iterator[str]:
        """The values that the template itself has for its parameters."""
        return (name for name, resource in self._resources.items() if resource["Type"] == kind)

    def resources(self, kind: str) -> Iterator[Resource]:
        for resource in self._resources.values():
            if resource["Type"] == kind:
                yield self.resolve(resource)

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.resolve(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        name, argument = next(iter(value.items()), ("", None))
        if len(value) == 1 and name in self._intrinsics:
            return self._intrinsics[name](argument)
        return {name: self.resolve(entry) for name, entry in value.items()}

    def _attribute(self, argument: list[str]) -> str:
        logical_id, attribute = argument
        if attribute.endswith("Arn"):
            return self._arn(logical_id)
        return self._name(logical_id) if attribute.endswith("Name") else f"{logical_id}.{attribute}"

    def _join(self, argument: list[Any]) -> str:
        separator, parts = argument
        return str(separator).join(str(self.resolve(part)) for part in parts)

    def _substitute(self, text: str) -> str:
        for name in ("AccountId", "Region", "Partition", "URLSuffix"):
            text = text.replace(f"${{AWS::{name}}}", self._reference(f"AWS::{name}"))
        return text

    def _reference(self, name: str) -> str:
        pseudo = {
            "AWS::AccountId": self._place.account,
            "AWS::Region": self._place.region,
            "AWS::Partition": self._place.partition,
            "AWS::URLSuffix": self._place.url_suffix,
        }
        if name in pseudo:
            return pseudo[name]
        resource = self._resources[name]
        if resource["Type"] == "AWS::SNS::Topic":  # the one whose reference is its ARN
            return self._arn(name)
        return self._name(name)

    def _name(self, logical_id: str) -> str:
        resource = self._resources[logical_id]
        named_by = _NAMED_BY.get(resource["Type"])
        return str(self.resolve(resource["Properties"][named_by])) if named_by else logical_id

    def _arn(self, logical_id: str) -> str:
        pattern = _ARNS[self._resources[logical_id]["Type"]]
        return pattern.format(
            partition=self._place.partition,
            region=self._place.region,
            account=self._place.account,
            name=self._name(logical_id),
        )


def references(value: Any) -> set[str]:
    """The resources that a value of a template refers to."""
    if isinstance(value, list):
        return {name for entry in value for name in references(entry)}
    if not isinstance(value, dict):
        return set()
    if "Fn::GetAtt" in value:
        return {value["Fn::GetAtt"][0]}
    if "Ref" in value:
        return set() if value["Ref"].startswith("AWS::") else {value["Ref"]}
    return {name for entry in value.values() for name in references(entry)}
