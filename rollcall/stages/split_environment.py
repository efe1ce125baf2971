"""The environment of video_split, checked once at cold start."""

from typing import Literal, Self

from pydantic import Field, model_validator

from rollcall.contracts.packs import MAX_PACKS
from rollcall.media.videos.division import Division
from rollcall.media.videos.limits import Limits
from rollcall.runtime.deliveries import DeliveryEnvironment


class Environment(DeliveryEnvironment):
    jobs_table: str = Field(alias="JOBS_TABLE", min_length=1)
    lookup_queue: str = Field(alias="LOOKUP_QUEUE", min_length=1)
    split_queue: str = Field(alias="SPLIT_QUEUE", min_length=1)
    stage_1_bucket: str = Field(alias="STAGE_1_BUCKET", min_length=1)
    frames_per_second: float = Field(alias="FRAMES_PER_SECOND", gt=0, le=30)
    max_duration: float = Field(alias="MAX_DURATION", gt=0)  # seconds
    max_bytes: int = Field(alias="MAX_BYTES", gt=0)
    max_stored_bytes: int = Field(alias="MAX_STORED_BYTES", gt=0)  # of frames of one upload
    max_recognitions: int = Field(alias="MAX_RECOGNITIONS", gt=0)  # of frames of one upload
    tracks: Literal["longest", "all"] = Field(alias="TRACKS")
    range_seconds: float = Field(alias="RANGE_SECONDS", ge=10)  # of video

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

    @model_validator(mode="after")
    def _require_pack_numbers(self) -> Self:
        needed = self.division.most_packs
        if needed > MAX_PACKS:
            raise ValueError(
                f"MAX_DURATION {self.max_duration:g} s at FRAMES_PER_SECOND {self.frames_per_second:g} can take "
                f"{needed} packs, and there are {MAX_PACKS} numbers: lower one of them"
            )
        return self
