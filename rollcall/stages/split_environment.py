"""The environment of video_split, checked once at cold start."""

from pydantic import Field

from rollcall.media.videos.division import Division
from rollcall.media.videos.limits import Limits
from rollcall.pipeline.setting_fields import variable
from rollcall.pipeline.settings import (
    FRAMES_PER_SECOND,
    MAX_BYTES,
    MAX_DURATION,
    MAX_RECOGNITIONS,
    MAX_STORED_BYTES,
    RANGE_SECONDS,
    Tracks,
)
from rollcall.stages.stage_environment import StageEnvironment


class Environment(StageEnvironment):
    split_queue: str = Field(alias="SPLIT_QUEUE", min_length=1)
    stage_1_bucket: str = Field(alias="STAGE_1_BUCKET", min_length=1)
    frames_per_second: float = variable(FRAMES_PER_SECOND)
    max_duration: float = variable(MAX_DURATION)
    max_bytes: int = variable(MAX_BYTES)
    max_stored_bytes: int = variable(MAX_STORED_BYTES)
    max_recognitions: int = variable(MAX_RECOGNITIONS)
    tracks: Tracks = Field(alias="TRACKS")
    range_seconds: float = variable(RANGE_SECONDS)

    @property
    def division(self) -> Division:
        limits = Limits(
            max_bytes=self.max_bytes,
            max_duration=self.max_duration,
            max_stored_bytes=self.max_stored_bytes,
            max_recognitions=self.max_recognitions,
        )
        return Division(
            frames_per_second=self.frames_per_second,
            range_seconds=self.range_seconds,
            limits=limits,
            every_track=self.tracks == "all",
        )
