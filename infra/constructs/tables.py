"""The tables: on demand, encrypted, restorable to any second of the last 35 days."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.pipeline import Pipeline


class Tables(Construct):
    def __init__(
        self, scope: Construct, construct_id: str, *, pipeline: Pipeline, key: kms.IKey | None, retained: bool
    ) -> None:
        super().__init__(scope, construct_id)
        for table in pipeline.tables:
            dynamodb.Table(
                self,
                table.name.removeprefix(f"{pipeline.prefix}-"),
                table_name=table.name,
                partition_key=_text(table.key),
                sort_key=None if table.sort_key is None else _text(table.sort_key),
                billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
                point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                    point_in_time_recovery_enabled=True
                ),
                time_to_live_attribute=table.ttl_attribute,
                encryption=dynamodb.TableEncryption.DEFAULT
                if key is None
                else dynamodb.TableEncryption.CUSTOMER_MANAGED,
                encryption_key=key,
                removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
                if retained and table.kept
                else RemovalPolicy.DESTROY,
            )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
