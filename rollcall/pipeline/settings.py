"""What an operator may choose: each default and each bound is said here alone.

Options of the command, the environment of functions, the CDK's settings and the page of settings follow it.
It imports nothing that is slow: the command's parser and the CDK app read it.
"""

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from rollcall.contracts.detector_names import DEFAULT_DETECTOR, SMALLEST_FACE, DetectorName
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER, EmbedderName
from rollcall.pipeline.roles import BUCKET_ROLES, BucketRole

Quantity = TypeVar("Quantity", int, float)

# where a function's code runs on AWS: started by its queue, or in a worker that reads the queue by itself
Compute = Literal["lambda", "fargate"]
# which video tracks of a file are looked at: the longest moving picture, or every one
Tracks = Literal["longest", "all"]
# where the HTTP API runs: behind an HTTP API of API Gateway, behind a load balancer, or not at all
ApiHost = Literal["none", "lambda", "container"]
# who checks its callers: the application, by API keys, or API Gateway, by the signatures of IAM
ApiAuth = Literal["keys", "iam"]


@dataclass(frozen=True, kw_only=True)
class Number(Generic[Quantity]):
    """A setting that is a number within bounds, both included."""

    name: str
    default: Quantity
    least: Quantity
    most: Quantity
    unit: str
    meaning: str  # one sentence, without a stop

    @property
    def variable(self) -> str:
        """The name in a function's environment."""
        return self.name.upper()

    @property
    def description(self) -> str:
        return f"{self.meaning}, in {self.unit}"


FRAMES_PER_SECOND = Number[float](
    name="frames_per_second",
    default=2.0,
    least=0.1,  # ten seconds between two looks; a range of a video is at least as long
    most=30.0,
    unit="frames per second of video",
    meaning="how often a video is looked at",
)
MIN_FACE = Number[int](
    name="min_face",
    default=40,
    least=SMALLEST_FACE,
    most=1000,  # a sampled frame has 1,920 pixels at most
    unit="pixels of the sampled frame",
    meaning="smallest face that is looked for (smaller is slower)",
)
PHOTO_MIN_FACE = Number[int](
    name="min_face",
    default=20,  # a photo is one picture, and worth a closer look than a frame
    least=MIN_FACE.least,
    most=MIN_FACE.most,
    unit="pixels of the photo",
    meaning=MIN_FACE.meaning,
)
LEAST_THRESHOLD, MOST_THRESHOLD = 0.1, 1.5  # distances below name nobody, and above everybody
MAX_DURATION = Number[int](
    name="max_duration", default=6 * 3600, least=1, most=43_200, unit="seconds", meaning="longest video that is read"
)
MAX_BYTES = Number[int](
    name="max_bytes",
    default=10 * 1024**3,
    least=1,
    most=5 * 1024**4,  # S3 stores no larger object
    unit="bytes",
    meaning="largest upload that is read",
)
MAX_STORED_BYTES = Number[int](
    name="max_stored_bytes",
    default=32 * 1024**3,  # small uploads get less, by their size
    least=1024**2,
    most=5 * 1024**4,
    unit="bytes",
    meaning="most that is stored of one upload's frames; then frames are taken less often",
)
MAX_RECOGNITIONS = Number[int](
    name="max_recognitions",
    default=100_000,  # likewise
    least=100,
    most=10_000_000,
    unit="frames",
    meaning="most that is recognized of one upload; then frames are taken less often",
)
RANGE_SECONDS = Number[int](
    name="range_seconds",
    default=600,  # one invocation takes minutes of its quarter of an hour for it, even at 4K
    least=10,
    most=MAX_DURATION.most,
    unit="seconds",
    meaning="video that one invocation reads",
)
MAX_CONCURRENCY = Number[int](
    name="max_concurrency",
    default=10,
    least=2,  # SQS takes no smaller bound for a function that it starts
    most=1000,
    unit="instances",
    meaning="most of each function, or of its workers, at one time",
)
# what the functions read from their environment
SPLIT_NUMBERS = (FRAMES_PER_SECOND, MAX_DURATION, MAX_BYTES, MAX_STORED_BYTES, MAX_RECOGNITIONS, RANGE_SECONDS)
RECOGNIZE_NUMBERS = (MIN_FACE,)

MOST_LOCAL_WORKERS = 100  # of each function on one machine; there one is enough


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that an operator may choose; each value reaches the functions through their environment."""

    prefix: str = "rollcall"
    input_bucket: str | None = None  # None: <prefix>-input, likewise the others
    stage_1_bucket: str | None = None
    output_bucket: str | None = None
    frames_per_second: float = FRAMES_PER_SECOND.default
    min_face: int = MIN_FACE.default
    embedder: EmbedderName = DEFAULT_EMBEDDER
    detector: DetectorName = DEFAULT_DETECTOR
    threshold: float | None = None  # None: the embedder's shipped threshold
    name_texts: bool = False  # the bare names of each upload as a text as well
    max_duration: int = MAX_DURATION.default
    max_bytes: int = MAX_BYTES.default
    tracks: Tracks = "longest"
    max_stored_bytes: int = MAX_STORED_BYTES.default
    max_recognitions: int = MAX_RECOGNITIONS.default
    range_seconds: int = RANGE_SECONDS.default
    max_concurrency: int = MAX_CONCURRENCY.default
    compute: Compute = "lambda"  # of face_recognition; the other stages are short, and idle most of the time
    api: ApiHost = "none"
    api_auth: ApiAuth = "keys"
    api_cors_origins: str = ""  # separated by commas
    api_min_face: int = PHOTO_MIN_FACE.default

    @property
    def bucket_names(self) -> dict[BucketRole, str]:
        given = {"input": self.input_bucket, "stage-1": self.stage_1_bucket, "output": self.output_bucket}
        return {role: given[role] or f"{self.prefix}-{role}" for role in BUCKET_ROLES}

    def variables(self, *numbers: Number[int] | Number[float]) -> dict[str, str]:
        """The numbers as a function's environment has them."""
        return {number.variable: str(getattr(self, number.name)) for number in numbers}
