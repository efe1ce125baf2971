"""The environment of the API, checked once at its start."""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from rollcall.contracts.detector_names import DEFAULT_DETECTOR, DetectorName
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER, EmbedderName
from rollcall.media.photos.photo_decoder import MAX_PHOTO_PIXELS
from rollcall.pipeline.setting_fields import Threshold, own_variable
from rollcall.pipeline.settings import PHOTO_MIN_FACE


class Environment(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)  # all variables are its input, secrets too

    jobs_table: str = Field(alias="JOBS_TABLE", min_length=1)
    people_table: str = Field(alias="PEOPLE_TABLE", min_length=1)
    faces_table: str = Field(alias="FACES_TABLE", min_length=1)
    input_bucket: str = Field(alias="INPUT_BUCKET", min_length=1)
    output_bucket: str = Field(alias="OUTPUT_BUCKET", min_length=1)
    model_dir: Path = Field(alias="ROLLCALL_MODEL_DIR")
    results_queue: str = Field(alias="RESULTS_QUEUE", min_length=1)
    event_bus: str = Field(alias="EVENT_BUS", min_length=1)
    embedder: EmbedderName = Field(alias="ROLLCALL_EMBEDDER", default=DEFAULT_EMBEDDER)
    detector: DetectorName = Field(alias="ROLLCALL_DETECTOR", default=DEFAULT_DETECTOR)
    # keys: API keys in a table; iam: the gateway in front has checked the caller; loopback: this machine only
    auth: Literal["keys", "iam", "loopback"] = Field(alias="AUTH", default="keys")
    api_keys_table: str | None = Field(alias="API_KEYS_TABLE", default=None)
    # of the S3 that takes upload forms, on the host of whoever asks for one; None: S3's own address
    uploads_port: int | None = Field(alias="UPLOADS_PORT", ge=1, le=65535, default=None)
    cors_origins: str = Field(alias="CORS_ORIGINS", default="")  # separated by commas
    keep: Literal["behind", "before", "never"] = Field(alias="KEEP_PHOTOS", default="behind")  # the answer
    name_texts: bool = Field(alias="NAME_TEXTS", default=False)  # also of photos that are kept
    threshold: Threshold | None = Field(alias="THRESHOLD", default=None)
    min_face: int = own_variable(PHOTO_MIN_FACE)
    # processes; RECOGNISERS is its older name
    recognizers: int = Field(validation_alias=AliasChoices("RECOGNIZERS", "RECOGNISERS"), ge=1, le=64, default=1)
    threads: int = Field(alias="THREADS", ge=1, default=1)  # of each
    max_photo_bytes: int = Field(alias="MAX_PHOTO_BYTES", gt=0, default=20 * 1024**2)
    max_photo_pixels: int = Field(alias="MAX_PHOTO_PIXELS", gt=0, default=MAX_PHOTO_PIXELS)
    max_video_bytes: int = Field(alias="MAX_VIDEO_BYTES", gt=0, default=5 * 1024**3)  # S3's limit for one POST
    gallery_seconds: float = Field(alias="GALLERY_SECONDS", ge=0, default=2.0)
