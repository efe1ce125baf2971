"""The environment of face_recognition, checked once at cold start."""

from pathlib import Path

from pydantic import Field

from rollcall.contracts.detector_names import DEFAULT_DETECTOR, DetectorName
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER, EmbedderName
from rollcall.pipeline.setting_fields import variable
from rollcall.pipeline.settings import MIN_FACE
from rollcall.stages.stage_environment import StageEnvironment


class Environment(StageEnvironment):
    input_bucket: str = Field(alias="INPUT_BUCKET", min_length=1)
    min_face: int = variable(MIN_FACE)
    model_dir: Path = Field(alias="ROLLCALL_MODEL_DIR")
    embedder: EmbedderName = Field(alias="ROLLCALL_EMBEDDER", default=DEFAULT_EMBEDDER)
    detector: DetectorName = Field(alias="ROLLCALL_DETECTOR", default=DEFAULT_DETECTOR)
    threads: int = Field(alias="THREADS", gt=0, default=1)
