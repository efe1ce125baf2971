"""The environment of video_split, checked once at cold start."""

from pydantic import BaseModel, Field


class Environment(BaseModel):
    attempts: int = Field(alias="ATTEMPTS", gt=0)
    jobs_table: str = Field(alias="JOBS_TABLE", min_length=1)
    lookup_queue: str = Field(alias="LOOKUP_QUEUE", min_length=1)
    stage_1_bucket: str = Field(alias="STAGE_1_BUCKET", min_length=1)
    frames_per_second: float = Field(alias="FRAMES_PER_SECOND", gt=0, le=30)
    max_duration: float = Field(alias="MAX_DURATION", gt=0)  # seconds
    max_bytes: int = Field(alias="MAX_BYTES", gt=0)
