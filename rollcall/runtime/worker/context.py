"""The context that a handler gets about its invocation outside Lambda."""

import uuid
from dataclasses import dataclass, field

from rollcall.runtime.worker.lease import Lease


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The ARN of the function that this worker stands in for."""

    name: str
    memory_mb: int


@dataclass(frozen=True, kw_only=True)
class WorkerContext:
    """The part of Lambda's context that can be true outside Lambda."""

    identity: Identity
    lease: Lease
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"

    @property
    def function_name(self) -> str:
        return self.identity.name

    @property
    def invoked_function_arn(self) -> str:
        return self.identity.name

    @property
    def memory_limit_in_mb(self) -> int:
        return self.identity.memory_mb

    def get_remaining_time_in_millis(self) -> int:
        return int(1000 * self.lease.left)
