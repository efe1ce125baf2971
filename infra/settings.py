"""What an operator chooses for a deployment: CDK context, checked before anything is built."""

import dataclasses
import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from infra.errors import BadSettings
from infra.pipeline import (
    BYTES_BOUNDS,
    DURATION_BOUNDS,
    ApiAuth,
    ApiHost,
    Bucket,
    Compute,
    Function,
    Pipeline,
    describe,
)
from infra.pipeline import Settings as PipelineSettings
from model.embedders import DEFAULT_EMBEDDER, EmbedderName

MAX_PREFIX = 47  # the longest name built on it, <prefix>-face-recognition, has to fit Lambda's 64 characters
LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)

_OURS = re.compile(r"[a-z][a-z0-9_]*")  # the CDK's own context keys all carry a colon, a slash or a hyphen


def _one_of_log_days(days: int) -> int:
    if days not in LOG_DAYS:
        raise ValueError(f"CloudWatch Logs keeps logs for one of {', '.join(map(str, LOG_DAYS))} days")
    return days


def _listed(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Days = Annotated[int, Field(ge=0, le=36_500)]
MemoryMb = Annotated[int, Field(ge=128, le=10_240)]  # Lambda's bounds
Subnet = Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")]


class Deployment(BaseModel):
    """Every field is a context key: `-c name=value`, or `context` in cdk.json."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    prefix: str | None = Field(
        default=None,
        min_length=3,
        max_length=MAX_PREFIX,
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        examples=["acme-rollcall"],
        description="start of every name, and the stack's name; buckets share one namespace with the whole world",
    )
    frames_per_second: float = Field(default=2.0, gt=0, le=30, description="frames looked at per second of video")
    min_face: int = Field(default=40, ge=12, le=1000, description="smallest face, pixels of the sampled frame")
    embedder: EmbedderName = Field(
        default=DEFAULT_EMBEDDER, description="the recogniser; a gallery belongs to the one that it was made with"
    )
    threshold: float | None = Field(
        default=None, gt=0, lt=2, description="largest distance that is still the same person; unset: the model's own"
    )
    max_duration: int = Field(
        default=PipelineSettings.max_duration,
        ge=DURATION_BOUNDS[0],
        le=DURATION_BOUNDS[1],
        description="longest video that is read, seconds",
    )
    max_bytes: int = Field(
        default=PipelineSettings.max_bytes,
        ge=BYTES_BOUNDS[0],
        le=BYTES_BOUNDS[1],
        description="largest upload that is read, bytes",
    )
    max_concurrency: int = Field(
        default=10, ge=2, le=1000, description="instances of each function, or workers, at one time"
    )
    compute: Compute = Field(
        default="lambda", description="what runs face_recognition: functions, or workers on ECS Fargate"
    )
    capacity: Literal["on_demand", "spot"] = Field(
        default="on_demand", description="of the workers on Fargate; spot is cheaper and may be taken back"
    )
    api: ApiHost = Field(
        default="none",
        description="photos by HTTP: a function behind API Gateway, containers, or none",
    )
    api_auth: ApiAuth = Field(default="keys", description="who may ask: holders of API keys, or IAM principals")
    api_cors_origins: str = Field(
        default="",
        pattern=r"^(https?://[^\s,/*]+(, *https?://[^\s,/*]+)*)?$",
        examples=["https://app.example.org"],
        description="whose pages may read the API's answers, separated by commas",
    )
    api_certificate_arn: str | None = Field(
        default=None,
        pattern=r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9A-Za-z-]+$",
        examples=["arn:aws:acm:eu-west-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"],
        description="of the load balancer of api=container; without it, it is there for the VPC alone",
    )
    api_rate: int = Field(default=50, ge=1, le=10_000, description="requests a second that API Gateway lets through")
    video_split_memory: MemoryMb | None = Field(default=None, ge=1769, description="MB; ffmpeg alone may take 1,476")
    face_recognition_memory: MemoryMb | None = Field(default=None, description="MB; 1,769 are one CPU, all it can use")
    lookup_memory: MemoryMb | None = Field(default=None, description="MB; 1,769 are one CPU, all it can use")
    architecture: Literal["x86_64", "arm64"] = Field(default="x86_64", description="of the functions and their images")
    input_days: Days = Field(default=90, description="uploads are deleted after so many days; 0: never")
    output_days: Days = Field(default=365, description="results are deleted after so many days; 0: never")
    log_days: Annotated[int, AfterValidator(_one_of_log_days)] = Field(default=30, description="logs are kept so long")
    removal_policy: Literal["retain", "destroy"] = Field(
        default="retain", description="whether uploads, results, people and faces outlive the stack"
    )
    alarm_email: str | None = Field(
        default=None,
        pattern=r"^[^@\s,]+@[^@\s,]+\.[^@\s,]+$",
        examples=["ops@example.org"],
        description="told of every alarm, once confirmed",
    )
    kms_key_arn: str | None = Field(
        default=None,
        pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+$",
        examples=["arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
        description="your own key for buckets and tables; unset: keys that AWS holds",
    )
    vpc_id: str | None = Field(
        default=None,
        pattern=r"^vpc-[0-9a-f]{8,17}$",
        examples=["vpc-0123456789abcdef0"],
        description="functions run inside it",
    )
    subnet_ids: Annotated[tuple[Subnet, ...], BeforeValidator(_listed)] = Field(
        default=(),
        examples=["subnet-0123456789abcdef0,subnet-0fedcba9876543210"],
        description="private subnets of that VPC, separated by commas",
    )
    image_repository: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$",
        examples=["rollcall"],
        description="ECR repository with images built elsewhere; unset: images are built here",
    )
    image_tag: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}$",
        examples=["1.4.0"],
        description="their tag: `<function>-<image_tag>`, as in `video_split-1.4.0`",
    )

    @model_validator(mode="after")
    def _require_pairs(self) -> Self:
        for one, other in (("vpc_id", "subnet_ids"), ("image_repository", "image_tag")):
            if bool(getattr(self, one)) != bool(getattr(self, other)):
                missing, given = (other, one) if getattr(self, one) else (one, other)
                raise ValueError(f"{given} needs {missing} as well: give both, or neither")
        if self.capacity == "spot" and self.compute != "fargate":
            raise ValueError("capacity = spot is of workers: give compute=fargate as well, or leave it out")
        return self

    @model_validator(mode="after")
    def _require_a_way_in(self) -> Self:
        if self.api_auth == "iam" and self.api == "container":
            raise ValueError("api_auth = iam needs API Gateway to check signatures: give api=lambda as well")
        if self.api_certificate_arn and self.api != "container":
            raise ValueError("api_certificate_arn is of a load balancer: give api=container as well, or leave it out")
        if self.api == "container" and not (self.api_certificate_arn or self.vpc_id):
            raise ValueError(
                "api = container needs api_certificate_arn, to be open by HTTPS, or vpc_id, to be there for that VPC"
            )
        return self

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Self:
        """Takes the CDK's whole context; raises BadSettings."""
        ours = {name: value for name, value in context.items() if _OURS.fullmatch(name)}
        try:
            return cls.model_validate(ours)
        except ValidationError as invalid:
            lines = [_explain(error, ours) for error in invalid.errors(include_url=False)]
            raise BadSettings("\n".join(lines)) from None

    @property
    def retained(self) -> bool:
        return self.removal_policy == "retain"

    @property
    def origins(self) -> list[str]:
        return [origin.strip() for origin in self.api_cors_origins.split(",") if origin.strip()]

    @property
    def stack_name(self) -> str:
        return self.prefix or "rollcall"

    def describe(self, *, default_prefix: str) -> Pipeline:
        pipeline = describe(
            PipelineSettings(
                prefix=self.prefix or default_prefix,
                frames_per_second=self.frames_per_second,
                min_face=self.min_face,
                embedder=self.embedder,
                threshold=self.threshold,
                max_duration=self.max_duration,
                max_bytes=self.max_bytes,
                max_concurrency=self.max_concurrency,
                compute=self.compute,
                api=self.api,
                api_auth=self.api_auth,
                api_cors_origins=self.api_cors_origins,
            )
        )
        return dataclasses.replace(
            pipeline,
            buckets=tuple(self._with_lifetime(bucket, pipeline.prefix) for bucket in pipeline.buckets),
            functions=tuple(self._with_memory(function) for function in pipeline.functions),
        )

    def _with_lifetime(self, bucket: Bucket, prefix: str) -> Bucket:
        days = {"input": self.input_days, "output": self.output_days}.get(bucket.name.removeprefix(f"{prefix}-"))
        return bucket if not days else dataclasses.replace(bucket, expire_days=days)

    def _with_memory(self, function: Function) -> Function:
        memory = getattr(self, f"{function.component}_memory")
        return function if memory is None else dataclasses.replace(function, memory_mb=memory)


def _explain(error: Any, given: Mapping[str, Any]) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return str(message)
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"{name}: no such setting, {_suggest(name)}"
    setting = Deployment.model_fields[name]
    if error["type"] == "string_pattern_mismatch" and setting.examples:
        message = f"not of the form that is needed, for example {setting.examples[0]}"
    return f"{name} = {given[name]!r}: {message[0].lower()}{message[1:]} ({setting.description})"


def _suggest(name: str) -> str:
    similar = difflib.get_close_matches(name, Deployment.model_fields, n=1)
    return f"did you mean {similar[0]}?" if similar else f"there are {', '.join(Deployment.model_fields)}"
