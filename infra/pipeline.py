"""The pipeline, described once in plain Python: the local cloud and the CDK app are both built from it."""

from dataclasses import dataclass, field

VISIBILITY_FACTOR = 6  # AWS's advice for queues that trigger functions: six times the function's timeout
ATTEMPTS = 3
DAY_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class Notification:
    """`s3:ObjectCreated:*` on keys that end in `suffix` is sent to `queue`."""

    queue: str
    suffix: str = ""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    name: str
    versioned: bool
    expire_days: int | None = None
    notifications: tuple[Notification, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Queue:
    name: str
    visibility_timeout: int
    dead_letter_queue: str
    max_receive_count: int
    retention_seconds: int = 4 * DAY_SECONDS


@dataclass(frozen=True, kw_only=True)
class Table:
    name: str
    key: str
    sort_key: str | None = None
    ttl_attribute: str | None = None


@dataclass(frozen=True, kw_only=True)
class Function:
    name: str
    component: str  # the folder under functions/
    handler: str
    timeout: int  # seconds
    memory_mb: int
    scratch_mb: int  # /tmp
    queue: str
    batch_size: int
    max_concurrency: int
    environment: dict[str, str] = field(default_factory=dict)
    sends_to_itself: bool = False  # AWS ends such a circle after 16 rounds unless it is told that it is meant


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    prefix: str
    buckets: tuple[Bucket, ...]
    queues: tuple[Queue, ...]
    tables: tuple[Table, ...]
    functions: tuple[Function, ...]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator may choose; every value reaches the functions through their environment."""

    prefix: str = "rollcall"
    frames_per_second: float = 2.0
    min_face: int = 40  # pixels, on the sampled frame
    threshold: float | None = None  # None: the embedder's shipped threshold
    max_duration: int = 6 * 3600  # seconds of video
    max_bytes: int = 10 * 1024**3
    range_seconds: int = 600  # of video that one invocation reads: minutes of its quarter of an hour, even at 4K
    max_concurrency: int = 10


def describe(settings: Settings) -> Pipeline:
    prefix = settings.prefix
    buckets = {role: f"{prefix}-{role}" for role in ("input", "stage-1", "output")}
    tables = {role: f"{prefix}-{role}" for role in ("people", "faces", "jobs")}
    functions = _functions(settings, buckets, tables)
    return Pipeline(
        prefix=prefix,
        buckets=(
            Bucket(name=buckets["input"], versioned=True, notifications=(Notification(queue=f"{prefix}-split"),)),
            Bucket(
                name=buckets["stage-1"],
                versioned=True,
                expire_days=1,
                notifications=(Notification(queue=f"{prefix}-recognize", suffix=".zip"),),
            ),
            Bucket(name=buckets["output"], versioned=False),
        ),
        queues=tuple(
            Queue(
                name=function.queue,
                visibility_timeout=VISIBILITY_FACTOR * function.timeout,
                dead_letter_queue=f"{function.queue}-dead-letters",
                # the delivery after the last attempt does no work: it tells the owner and lets the message go
                max_receive_count=ATTEMPTS + 1,
            )
            for function in functions
        ),
        tables=(
            Table(name=tables["people"], key="name"),
            Table(name=tables["faces"], key="name", sort_key="face"),
            Table(name=tables["jobs"], key="job", ttl_attribute="expires"),
        ),
        functions=functions,
    )


def _functions(settings: Settings, buckets: dict[str, str], tables: dict[str, str]) -> tuple[Function, ...]:
    prefix = settings.prefix
    shared = {
        "ATTEMPTS": str(ATTEMPTS),
        "JOBS_TABLE": tables["jobs"],
        "LOOKUP_QUEUE": f"{prefix}-lookup",
        "POWERTOOLS_METRICS_NAMESPACE": "Rollcall",
    }
    return (
        Function(
            name=f"{prefix}-video-split",
            component="video_split",
            handler="functions.video_split.handler.handler",
            timeout=900,
            memory_mb=2048,
            scratch_mb=512,
            queue=f"{prefix}-split",
            batch_size=1,
            max_concurrency=settings.max_concurrency,
            sends_to_itself=True,  # ranges of long videos
            environment=shared
            | {
                "POWERTOOLS_SERVICE_NAME": "video_split",
                "STAGE_1_BUCKET": buckets["stage-1"],
                "FRAMES_PER_SECOND": str(settings.frames_per_second),
                "MAX_DURATION": str(settings.max_duration),
                "MAX_BYTES": str(settings.max_bytes),
                "RANGE_SECONDS": str(settings.range_seconds),
                "SPLIT_QUEUE": f"{prefix}-split",
            },
        ),
        Function(
            name=f"{prefix}-face-recognition",
            component="face_recognition",
            handler="functions.face_recognition.handler.handler",
            timeout=120,
            memory_mb=2048,
            scratch_mb=512,
            queue=f"{prefix}-recognize",
            batch_size=2,
            max_concurrency=settings.max_concurrency,
            environment=shared
            | {
                "POWERTOOLS_SERVICE_NAME": "face_recognition",
                "MIN_FACE": str(settings.min_face),
            },
        ),
        Function(
            name=f"{prefix}-lookup",
            component="lookup",
            handler="functions.lookup.handler.handler",
            timeout=120,
            memory_mb=1024,
            scratch_mb=512,
            queue=f"{prefix}-lookup",
            batch_size=5,
            max_concurrency=settings.max_concurrency,
            environment=shared
            | {
                "POWERTOOLS_SERVICE_NAME": "lookup",
                "STAGE_1_BUCKET": buckets["stage-1"],
                "OUTPUT_BUCKET": buckets["output"],
                "PEOPLE_TABLE": tables["people"],
                "FACES_TABLE": tables["faces"],
            }
            | ({} if settings.threshold is None else {"THRESHOLD": str(settings.threshold)}),
        ),
    )
