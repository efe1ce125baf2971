"""The environment of lookup, checked once at cold start."""

from pydantic import Field

from rollcall.pipeline.setting_fields import Threshold
from rollcall.stages.stage_environment import StageEnvironment


class Environment(StageEnvironment):
    people_table: str = Field(alias="PEOPLE_TABLE", min_length=1)
    faces_table: str = Field(alias="FACES_TABLE", min_length=1)
    stage_1_bucket: str = Field(alias="STAGE_1_BUCKET", min_length=1)
    output_bucket: str = Field(alias="OUTPUT_BUCKET", min_length=1)
    results_queue: str = Field(alias="RESULTS_QUEUE", min_length=1)
    event_bus: str = Field(alias="EVENT_BUS", min_length=1)
    name_texts: bool = Field(alias="NAME_TEXTS", default=False)
    threshold: Threshold | None = Field(alias="THRESHOLD", default=None)  # distance between embeddings
