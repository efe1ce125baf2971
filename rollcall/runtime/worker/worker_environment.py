"""The environment of a worker, checked once when it starts; the handler's own is the handler's to check."""

from pydantic import BaseModel, ConfigDict, Field


class Environment(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)  # all variables are its input, secrets too

    function: str = Field(alias="FUNCTION_NAME", min_length=1)
    queue: str = Field(alias="QUEUE", min_length=1)
    batch_size: int = Field(alias="BATCH_SIZE", gt=0, le=10)
    timeout: int = Field(alias="TIMEOUT", gt=0)  # seconds for a batch
    memory_mb: int = Field(alias="MEMORY_MB", gt=0)
    # a batch stays hidden for so long at a time: what a killed worker had in hand comes again after no more than that
    lease_seconds: int = Field(alias="LEASE_SECONDS", gt=0, default=60)
    wait_seconds: int = Field(alias="WAIT_SECONDS", ge=0, le=20, default=20)  # how long an empty queue is listened to
    grace: float = Field(alias="GRACE_SECONDS", ge=0, default=90)  # after SIGTERM; ECS kills after its stop timeout
