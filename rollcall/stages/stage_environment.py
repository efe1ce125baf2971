"""What the environments of the three stages share, and the parts that every stage is built of."""

# ruff: noqa: PLC0415 - imported when they are needed: half of a cold start is imports
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import Field

from rollcall.runtime.deliveries import Deliveries, DeliveryEnvironment
from rollcall.runtime.function_clients import dynamodb, sqs

if TYPE_CHECKING:
    from rollcall.contracts.jobs import JobStore
    from rollcall.contracts.lookup_queue import LookupQueue


class StageEnvironment(DeliveryEnvironment):
    jobs_table: str = Field(alias="JOBS_TABLE", min_length=1)
    lookup_queue: str = Field(alias="LOOKUP_QUEUE", min_length=1)

    @cached_property
    def deliveries(self) -> Deliveries:
        return Deliveries(self, sqs=sqs(), dynamodb=dynamodb())

    @cached_property
    def jobs(self) -> "JobStore":
        from rollcall.contracts.jobs import JobStore

        return JobStore(dynamodb().Table(self.jobs_table))

    @cached_property
    def lookups(self) -> "LookupQueue":
        from rollcall.contracts.lookup_queue import LookupQueue

        return LookupQueue(sqs(), self.lookup_queue)
