"""The tables: on demand, encrypted, restorable to any second of 35 days; people's are guarded from deletion."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from rollcall.pipeline.description import Pipeline, Table


class Tables(Construct):
    def __init__(
        self, scope: Construct, construct_id: str, *, pipeline: Pipeline, key: kms.IKey | None, retained: bool
    ) -> None:
        super().__init__(scope, construct_id)
        self._prefix = pipeline.prefix
        self._key = key
        kept = [table for table in pipeline.tables if retained and table.kept]
        self._guarded = [self._build(table, guarded=True) for table in kept]
        for table in pipeline.tables:
            if table not in kept:
                self._build(table, guarded=False)

    def create_guarded_after(self, *others: Construct) -> None:
        """A first deployment that fails deletes what it made, and cannot delete these: they come after all others."""
        for table in self._guarded:
            table.node.add_dependency(*others)

    def _build(self, table: Table, *, guarded: bool) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            table.name.removeprefix(f"{self._prefix}-"),
            table_name=table.name,
            partition_key=_text(table.key),
            sort_key=None if table.sort_key is None else _text(table.sort_key),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=table.ttl_attribute,
            encryption=dynamodb.TableEncryption.DEFAULT
            if self._key is None
            else dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self._key,
            deletion_protection=guarded,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if guarded else RemovalPolicy.DESTROY,
        )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
