"""The pipeline, described once in plain Python: the local cloud and the CDK app are both built from it."""

from dataclasses import dataclass, field
from typing import Any

from rollcall.contracts.object_keys import PACK_SUFFIX
from rollcall.pipeline.roles import LOOKUP, RECOGNIZE, SPLIT, TABLE_ROLES, BucketRole, Stage, TableRole, dead_letters
from rollcall.pipeline.settings import RECOGNIZE_NUMBERS, SPLIT_NUMBERS, ApiHost, Compute, Settings

VISIBILITY_FACTOR = 6  # AWS's advice for queues that trigger functions: six times the function's timeout
ATTEMPTS = 5  # attempts at a message, at least: the first delivery is not counted, because it may not have been one
DAY_SECONDS = 86_400
MAX_RECEIVE_COUNT = 1000  # SQS's limit
UNTRIED_SECONDS = 8 * DAY_SECONDS  # by then a message that no worker could begin becomes a dead letter
REPLACED_DAYS = 7  # how long an overwritten or deleted object can be brought back; then it is gone for good
# what pages may send: the Fetch standard's `*` never covers Authorization
CORS_HEADERS = ("*", "Authorization")
CORS_SECONDS = 3600  # so long a browser need not ask again
EXPOSED_HEADERS = ("ETag", "x-amz-version-id")  # of an upload: S3's answer names the version, and so the job
EVENT_BUS = "default"  # every account has it, and rules of other services see it

BUCKET_NAME = r"[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])"  # without dots: AWS's certificates do not cover names with dots

BucketNames = dict[BucketRole, str]
TableNames = dict[TableRole, str]


@dataclass(frozen=True, kw_only=True)
class Notification:
    """`s3:ObjectCreated:*` on keys that end in `suffix` is sent to `queue`."""

    queue: str
    suffix: str = ""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    role: BucketRole
    name: str
    versioned: bool
    expire_days: int | None = None
    notifications: tuple[Notification, ...] = ()
    form_origins: tuple[str, ...] = ()  # whose pages may send upload forms (CORS)

    @property
    def replaced_days(self) -> int:
        return min(REPLACED_DAYS, self.expire_days or REPLACED_DAYS)


@dataclass(frozen=True, kw_only=True)
class Queue:
    name: str
    visibility_timeout: int
    dead_letter_queue: str
    max_receive_count: int  # deliveries, not attempts: those are counted by the functions
    # Nobody is told of a message that expires, so dead letters keep some days more. Both times are counted from the
    # first sending, and SQS offers 14 days at most.
    retention_seconds: int = 10 * DAY_SECONDS
    dead_letter_retention_seconds: int = 14 * DAY_SECONDS


@dataclass(frozen=True, kw_only=True)
class ResultsQueue:
    """Where results are announced. Reading it is optional; messages expire after `retention_seconds`."""

    name: str
    retention_seconds: int = DAY_SECONDS


@dataclass(frozen=True, kw_only=True)
class Table:
    name: str
    key: str
    sort_key: str | None = None
    ttl_attribute: str | None = None
    kept: bool = True  # when a deployment is taken down whose operator retains what is people's own


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
    compute: Compute = "lambda"
    sends_to_itself: bool = False  # AWS ends such a circle after 16 rounds unless it is told that it is meant


@dataclass(frozen=True, kw_only=True)
class Api:
    """Photos by HTTP: the one part that people ask and that no queue starts."""

    name: str
    host: ApiHost
    component: str = "api"
    handler: str = "rollcall.api.lambda_handler.handler"
    timeout: int = 30  # seconds, API Gateway's longest
    memory_mb: int = 2048
    scratch_mb: int = 512
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Authorizer:
    """The function that API Gateway asks about the key of a request, before it starts the API's own."""

    name: str
    component: str = "authorizer"
    handler: str = "rollcall.api.authorizer.handler"
    timeout: int = 10  # seconds
    # 0.4 s of imports at a whole CPU, and little more; what it does then takes milliseconds, so memory hardly costs
    memory_mb: int = 512
    scratch_mb: int = 512
    environment: dict[str, str] = field(default_factory=dict)


AnyFunction = Function | Api | Authorizer

# Where a handler starts in an image, which holds functions/ beside the package; an installed `rollcall` has none.
ENTRY_POINTS = {
    "rollcall.stages.split_handler.handler": "functions.video_split.handler.handler",
    "rollcall.stages.recognize_handler.handler": "functions.face_recognition.handler.handler",
    "rollcall.stages.lookup_handler.handler": "functions.lookup.handler.handler",
    "rollcall.api.lambda_handler.handler": "functions.api.handler.handler",
    "rollcall.api.authorizer.handler": "functions.api.authorizer.handler",
}


def entry_point(handler: str) -> str:
    return ENTRY_POINTS[handler]


def image_of(function: AnyFunction) -> str:
    """The component whose image it runs in."""
    return "api" if isinstance(function, Authorizer) else function.component


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    prefix: str
    buckets: tuple[Bucket, ...]
    queues: tuple[Queue, ...]
    tables: tuple[Table, ...]
    functions: tuple[Function, ...]
    results: ResultsQueue | None = None
    api: Api | None = None
    authorizer: Authorizer | None = None

    @property
    def bucket_names(self) -> BucketNames:
        return {bucket.role: bucket.name for bucket in self.buckets}


def describe(settings: Settings) -> Pipeline:
    prefix = settings.prefix
    buckets = settings.bucket_names
    tables: TableNames = {role: f"{prefix}-{role}" for role in TABLE_ROLES}
    functions = _functions(settings, buckets, tables)
    return Pipeline(
        prefix=prefix,
        buckets=(
            Bucket(
                role="input",
                name=buckets["input"],
                versioned=True,
                notifications=(Notification(queue=SPLIT.queue_of(prefix)),),
                form_origins=origins_of(settings.api_cors_origins),
            ),
            Bucket(
                role="stage-1",
                name=buckets["stage-1"],
                versioned=True,
                expire_days=1,
                notifications=(Notification(queue=RECOGNIZE.queue_of(prefix), suffix=PACK_SUFFIX),),
            ),
            Bucket(role="output", name=buckets["output"], versioned=False),
        ),
        queues=tuple(
            Queue(
                name=function.queue,
                visibility_timeout=_visibility(function),
                dead_letter_queue=dead_letters(function.queue),
                max_receive_count=min(MAX_RECEIVE_COUNT, UNTRIED_SECONDS // _visibility(function)),
            )
            for function in functions
        ),
        tables=(
            Table(name=tables["people"], key="name"),
            Table(name=tables["faces"], key="name", sort_key="face"),
            Table(name=tables["versions"], key="of", kept=False),  # of the faces: whether they have changed
            Table(name=tables["jobs"], key="job", ttl_attribute="expires", kept=False),
            Table(name=tables["attempts"], key="message", ttl_attribute="expires", kept=False),
            # what expires are the counts of requests, and keys that were made with an end; none outlives what it opens
            Table(name=tables["api-keys"], key="key", ttl_attribute="expires", kept=False),
        ),
        functions=functions,
        results=ResultsQueue(name=_results_queue(prefix)),
        api=None if settings.api == "none" else _api(settings, buckets, tables),
        authorizer=_authorizer(settings, tables) if settings.api == "lambda" and settings.api_auth == "keys" else None,
    )


def metrics_namespace(prefix: str) -> str:
    """The namespace of one deployment: the counts of two of them in one account must not add up."""
    return f"Rollcall/{prefix}"


def origins_of(text: str) -> tuple[str, ...]:
    return tuple(origin.strip() for origin in text.split(",") if origin.strip())


def _visibility(function: Function) -> int:
    return VISIBILITY_FACTOR * function.timeout


def _api(settings: Settings, buckets: BucketNames, tables: TableNames) -> Api:
    prefix = settings.prefix
    environment = (
        {
            "POWERTOOLS_METRICS_NAMESPACE": metrics_namespace(prefix),
            "POWERTOOLS_SERVICE_NAME": "api",
            "INPUT_BUCKET": buckets["input"],
            "JOBS_TABLE": tables["jobs"],
            "PEOPLE_TABLE": tables["people"],
            "FACES_TABLE": tables["faces"],
            "API_KEYS_TABLE": tables["api-keys"],
            "AUTH": settings.api_auth,
            "CORS_ORIGINS": settings.api_cors_origins,
            "MIN_FACE": str(settings.api_min_face),
        }
        | _published(settings, buckets)
        | _naming(settings)
        | _networks(settings)
    )
    return Api(name=f"{prefix}-api", host=settings.api, environment=environment)


def _authorizer(settings: Settings, tables: TableNames) -> Authorizer:
    environment = {
        "POWERTOOLS_METRICS_NAMESPACE": metrics_namespace(settings.prefix),
        "POWERTOOLS_SERVICE_NAME": "authorizer",
        "API_KEYS_TABLE": tables["api-keys"],
    }
    return Authorizer(name=f"{settings.prefix}-api-authorizer", environment=environment)


def _networks(settings: Settings) -> dict[str, str]:
    """The environment of functions that look for faces."""
    return {"ROLLCALL_EMBEDDER": settings.embedder, "ROLLCALL_DETECTOR": settings.detector}


def _naming(settings: Settings) -> dict[str, str]:
    """The environment of functions that name people and write results."""
    threshold = {} if settings.threshold is None else {"THRESHOLD": str(settings.threshold)}
    return threshold | ({"NAME_TEXTS": "true"} if settings.name_texts else {})


def _functions(settings: Settings, buckets: BucketNames, tables: TableNames) -> tuple[Function, ...]:
    vcpu_mb = 1769  # memory that comes with one vCPU, for the one thread of each
    return (
        _function(
            SPLIT,
            settings,
            handler="rollcall.stages.split_handler.handler",
            timeout=900,
            memory_mb=vcpu_mb,
            batch_size=1,
            environment=_shared(SPLIT, settings, tables) | _split(settings, buckets),
            sends_to_itself=True,  # ranges of long videos
        ),
        _function(
            RECOGNIZE,
            settings,
            handler="rollcall.stages.recognize_handler.handler",
            timeout=240,
            memory_mb=vcpu_mb,
            batch_size=4,  # as many photos as the networks are quickest with, and no more of a video for one worker
            environment=_shared(RECOGNIZE, settings, tables) | _recognize(settings, buckets),
            compute=settings.compute,
        ),
        _function(
            LOOKUP,
            settings,
            handler="rollcall.stages.lookup_handler.handler",
            timeout=120,
            memory_mb=1024,
            batch_size=10,
            environment=_shared(LOOKUP, settings, tables) | _lookup(settings, buckets, tables),
        ),
    )


def _function(stage: Stage, settings: Settings, **of_its_own: Any) -> Function:
    return Function(
        name=f"{settings.prefix}-{stage.function}",
        component=stage.component,
        scratch_mb=512,
        queue=stage.queue_of(settings.prefix),
        max_concurrency=settings.max_concurrency,
        **of_its_own,
    )


def _shared(stage: Stage, settings: Settings, tables: TableNames) -> dict[str, str]:
    return {
        "ATTEMPTS": str(ATTEMPTS),
        "ATTEMPTS_TABLE": tables["attempts"],
        "DEAD_LETTERS": dead_letters(stage.queue_of(settings.prefix)),
        "JOBS_TABLE": tables["jobs"],
        "LOOKUP_QUEUE": LOOKUP.queue_of(settings.prefix),
        "POWERTOOLS_METRICS_NAMESPACE": metrics_namespace(settings.prefix),
        "POWERTOOLS_SERVICE_NAME": stage.component,
    }


def _split(settings: Settings, buckets: BucketNames) -> dict[str, str]:
    names = {"STAGE_1_BUCKET": buckets["stage-1"], "SPLIT_QUEUE": SPLIT.queue_of(settings.prefix)}
    return names | {"TRACKS": settings.tracks} | settings.variables(*SPLIT_NUMBERS)


def _recognize(settings: Settings, buckets: BucketNames) -> dict[str, str]:
    return {"INPUT_BUCKET": buckets["input"]} | _networks(settings) | settings.variables(*RECOGNIZE_NUMBERS)


def _lookup(settings: Settings, buckets: BucketNames, tables: TableNames) -> dict[str, str]:
    names = {"STAGE_1_BUCKET": buckets["stage-1"], "PEOPLE_TABLE": tables["people"], "FACES_TABLE": tables["faces"]}
    return names | _published(settings, buckets) | _naming(settings)


def _published(settings: Settings, buckets: BucketNames) -> dict[str, str]:
    """The environment of functions that publish results: where these go, and where they are announced."""
    return {
        "OUTPUT_BUCKET": buckets["output"],
        "RESULTS_QUEUE": _results_queue(settings.prefix),
        "EVENT_BUS": EVENT_BUS,
    }


def _results_queue(prefix: str) -> str:
    return f"{prefix}-results"
