"""What an operator chooses for a deployment: CDK context, checked before anything is built."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rollcall.contracts.detector_names import DEFAULT_DETECTOR, DetectorName
from rollcall.contracts.embedder_kinds import DEFAULT_EMBEDDER, EmbedderName
from rollcall.pipeline.deployment_errors import BadSettings
from rollcall.pipeline.description import (
    Bucket,
    Function,
    Pipeline,
    describe,
    origins_of,
)
from rollcall.pipeline.own_threshold import read_own_threshold
from rollcall.pipeline.roles import BUCKET_ROLES, BucketRole
from rollcall.pipeline.setting_faults import explain, is_meant
from rollcall.pipeline.setting_fields import Threshold, context
from rollcall.pipeline.setting_types import (
    BucketName,
    Days,
    KmsKey,
    KmsKeys,
    LogDays,
    MemoryMb,
    Prefix,
    Repository,
    Subnets,
)
from rollcall.pipeline.settings import (
    FRAMES_PER_SECOND,
    MAX_BYTES,
    MAX_CONCURRENCY,
    MAX_DURATION,
    MAX_RECOGNITIONS,
    MAX_STORED_BYTES,
    MIN_FACE,
    ApiAuth,
    ApiHost,
    Compute,
    Settings,
    Tracks,
)

_AN_EXAMPLE_KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


class Deployment(BaseModel):
    """Every field is a context key: `-c name=value`, or `context` in cdk.json."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    prefix: Prefix | None = Field(
        default=None,
        examples=["acme-rollcall"],
        description="start of every name, and the stack's name; buckets share one namespace with the whole world;"
        " unset: rollcall-ACCOUNT-REGION, and the stack is rollcall",
    )
    input_bucket: BucketName | None = Field(
        default=None, examples=["acme-uploads"], description="name of the input bucket; unset: PREFIX-input"
    )
    stage_1_bucket: BucketName | None = Field(
        default=None, examples=["acme-packs"], description="name of the stage-1 bucket; unset: PREFIX-stage-1"
    )
    output_bucket: BucketName | None = Field(
        default=None, examples=["acme-results"], description="name of the output bucket; unset: PREFIX-output"
    )
    frames_per_second: float = context(FRAMES_PER_SECOND)
    min_face: int = context(MIN_FACE)
    embedder: EmbedderName = Field(
        default=DEFAULT_EMBEDDER,
        description="which networks embed a face; after a change enroll everybody again; the weights of facenet are"
        " yours to bring",
    )
    detector: DetectorName = Field(default=DEFAULT_DETECTOR, description="what finds faces in pictures")
    threshold: Threshold | None = Field(
        default=None, description="largest distance that is still the same person; unset: the model's own"
    )
    calibration: Path | None = Field(
        default=None,
        examples=["calibration.json"],
        description="a file that `rollcall calibrate` wrote, which gives the threshold instead",
    )
    name_texts: bool = Field(
        default=False,
        description="write the bare names of each upload as a text as well: holiday.txt for holiday.mp4",
    )
    max_duration: int = context(MAX_DURATION)
    max_bytes: int = context(MAX_BYTES)
    tracks: Tracks = Field(
        default=Settings.tracks,
        description="video tracks of a file that are looked at: the longest moving picture, or all",
    )
    max_stored_bytes: int = context(MAX_STORED_BYTES)
    max_recognitions: int = context(MAX_RECOGNITIONS)
    max_concurrency: int = context(MAX_CONCURRENCY)
    compute: Compute = Field(
        default="lambda", description="what runs face_recognition: functions, or workers on ECS Fargate"
    )
    capacity: Literal["on_demand", "spot"] = Field(
        default="on_demand",
        description="of workers on Fargate; spot is up to 70 % cheaper, and AWS takes it back with two minutes' notice",
    )
    api: ApiHost = Field(
        default="none",
        description="photos by HTTP: a function behind API Gateway, containers behind a load balancer, or none",
    )
    api_auth: ApiAuth = Field(
        default="keys", description="who may ask: holders of API keys, or IAM principals who sign (api=lambda only)"
    )
    api_cors_origins: str = Field(
        default="",
        pattern=r"^(https?://[^\s,/*]+(, *https?://[^\s,/*]+)*)?$",
        examples=["https://app.example.org"],
        description="whose pages may read the API's answers and send its upload forms, separated by commas",
    )
    api_certificate_arn: str | None = Field(
        default=None,
        pattern=r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9A-Za-z-]+$",
        examples=["arn:aws:acm:eu-west-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"],
        description="certificate of ACM for the load balancer of api=container; without it only the VPC reaches that",
    )
    api_domain: str | None = Field(
        default=None,
        max_length=253,
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$",
        examples=["api.example.org"],
        description="host name that the certificate is for; point it to the load balancer, the stack's output"
        " ApiBalancer, by a CNAME or an alias",
    )
    api_rate: int = Field(
        default=50,
        ge=1,
        le=10_000,
        description="requests a second that API Gateway lets through, twice as many at once",
    )
    api_concurrency: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="instances of the API's function, kept for it alone and never more; unset: what the account allows",
    )
    api_authorizer_concurrency: int | None = Field(
        default=None, ge=1, le=1000, description="the same for the function that checks keys before the API's starts"
    )
    video_split_memory: MemoryMb | None = Field(
        default=None,
        ge=1769,
        description="MB; ffmpeg alone may take 1,476; unset: what rollcall/pipeline/description.py says",
    )
    face_recognition_memory: MemoryMb | None = Field(
        default=None, ge=512, description="MB; 1,769 are one CPU, all it can use; about 350 are the least it runs in"
    )
    lookup_memory: MemoryMb | None = Field(
        default=None, ge=256, description="MB; 1,769 are one CPU, all it can use; about 110 are the least it runs in"
    )
    architecture: Literal["x86_64", "arm64"] = Field(
        default="x86_64", description="processor of the functions and their images"
    )
    input_days: Days = Field(default=90, description="uploads are deleted after so many days; 0: never")
    output_days: Days = Field(default=365, description="results are deleted after so many days; 0: never")
    log_days: LogDays = Field(default=30, description="days for which logs are kept")
    removal_policy: Literal["retain", "destroy"] = Field(
        default="retain",
        description="retain: uploads, results, people and faces outlive the stack; destroy: they go with it",
    )
    alarm_email: str | None = Field(
        default=None,
        pattern=r"^[^@\s,]+@[^@\s,]+\.[^@\s,]+$",
        examples=["ops@example.org"],
        description="address that is told of every alarm, once it is confirmed",
    )
    kms_key_arn: KmsKey | None = Field(
        default=None,
        examples=[_AN_EXAMPLE_KEY],
        description="your own key for buckets and tables, in the deployment's region; unset: keys that AWS holds",
    )
    kms_former_key_arns: KmsKeys = Field(
        default=(),
        examples=[_AN_EXAMPLE_KEY],
        description="keys that were kms_key_arn before: what is still encrypted with them stays readable; separated by"
        " commas",
    )
    vpc_id: str | None = Field(
        default=None,
        pattern=r"^vpc-[0-9a-f]{8,17}$",
        examples=["vpc-0123456789abcdef0"],
        description="functions run inside this VPC, which has to reach AWS by a NAT or by endpoints",
    )
    subnet_ids: Subnets = Field(
        default=(),
        examples=["subnet-0123456789abcdef0,subnet-0fedcba9876543210"],
        description="private subnets of that VPC, separated by commas",
    )
    refresh: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$",
        examples=["2026-11"],
        description="any text; another than before builds the images anew, with Debian's newest packages and ffmpeg",
    )
    image_repository: Repository | None = Field(
        default=None,
        examples=["rollcall"],
        description="ECR repository, of the same account and region, with images built elsewhere; unset: built here",
    )
    image_tag: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}$",
        examples=["1.4.0"],
        description="their tag: `<function>-<image_tag>`, as in `video_split-1.4.0`",
    )

    @model_validator(mode="after")
    def _require_pairs(self) -> Self:
        pairs = (("vpc_id", "subnet_ids"), ("image_repository", "image_tag"), ("api_certificate_arn", "api_domain"))
        for one, other in pairs:
            if bool(getattr(self, one)) != bool(getattr(self, other)):
                missing, given = (other, one) if getattr(self, one) else (one, other)
                raise ValueError(f"{given} needs {missing} as well: give both, or neither")
        if self.kms_key_arn in self.kms_former_key_arns:
            raise ValueError("kms_former_key_arns names kms_key_arn itself: leave it out of one of them")
        return self

    @model_validator(mode="after")
    def _require_one_threshold(self) -> Self:
        if self.calibration is not None and self.threshold is not None:
            raise ValueError("threshold and calibration both give a threshold: leave one of them out")
        try:
            _ = self.own_threshold
        except ValueError as error:
            raise ValueError(f"calibration: {error}") from None
        return self

    @model_validator(mode="after")
    def _require_three_buckets(self) -> Self:
        if len(set(self.bucket_names(self.prefix or "").values())) < len(BUCKET_ROLES):
            raise ValueError("input_bucket, stage_1_bucket and output_bucket have to be three different buckets")
        return self

    @model_validator(mode="after")
    def _refuse_what_nothing_would_use(self) -> Self:
        if self.refresh and self.image_repository:
            raise ValueError("refresh is of images that are built here: build yours anew instead, or leave it out")
        if self.capacity == "spot" and self.compute != "fargate":
            raise ValueError("capacity = spot is of workers: give compute=fargate as well, or leave it out")
        if self.api_certificate_arn and self.api != "container":
            raise ValueError("api_certificate_arn is of a load balancer: give api=container as well, or leave it out")
        if self.api_auth == "iam" and self.api != "lambda":
            raise ValueError("api_auth = iam needs API Gateway to check signatures: give api=lambda as well")
        if self.api_rate != type(self).model_fields["api_rate"].default and self.api != "lambda":
            raise ValueError("api_rate is of API Gateway: give api=lambda as well, or leave it out")
        if self.api_concurrency is not None and self.api != "lambda":
            raise ValueError("api_concurrency is of the API's function: give api=lambda as well, or leave it out")
        if self.api_authorizer_concurrency is not None and (self.api, self.api_auth) != ("lambda", "keys"):
            raise ValueError(
                "api_authorizer_concurrency is of the function that checks API keys: give api=lambda and api_auth=keys"
                " as well, or leave it out"
            )
        if self.api_cors_origins and self.api == "none":
            raise ValueError(
                "api_cors_origins is of the API: give api=lambda or api=container as well, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _require_a_way_in(self) -> Self:
        if self.api == "container" and not (self.api_certificate_arn or self.vpc_id):
            raise ValueError(
                "api = container needs api_certificate_arn, to be open by HTTPS, or vpc_id, to be there for that VPC"
            )
        if self.api == "container" and len(self.subnet_ids) == 1:
            raise ValueError("api = container needs two subnets, of two zones: a load balancer stands in no fewer")
        return self

    @classmethod
    def from_context(cls, given: Mapping[str, Any]) -> Self:
        """Takes the CDK's whole context; raises BadSettings."""
        ours = {name: value for name, value in given.items() if is_meant(name, cls.model_fields)}
        try:
            return cls.model_validate(ours)
        except ValidationError as invalid:
            lines = [explain(error, ours, cls.model_fields) for error in invalid.errors(include_url=False)]
            raise BadSettings("\n".join(lines)) from None

    def require_region(self, region: str) -> None:
        """AWS takes keys and certificates of the deployment's own region alone; raises BadSettings."""
        given = [("kms_key_arn", self.kms_key_arn), ("api_certificate_arn", self.api_certificate_arn)]
        given += [("kms_former_key_arns", arn) for arn in self.kms_former_key_arns]
        wrong = [(name, arn) for name, arn in given if arn is not None and arn.split(":")[3] != region]
        if wrong:
            raise BadSettings(
                "\n".join(
                    f"{name}: {arn} is in {arn.split(':')[3]}, and the deployment in {region}" for name, arn in wrong
                )
            )

    @property
    def own_threshold(self) -> float | None:
        """The threshold of the settings; None: the embedder's."""
        if self.calibration is None:
            return self.threshold
        return read_own_threshold(self.calibration).require(self.embedder)

    @property
    def retained(self) -> bool:
        return self.removal_policy == "retain"

    @property
    def origins(self) -> tuple[str, ...]:
        return origins_of(self.api_cors_origins)

    @property
    def stack_name(self) -> str:
        return self.prefix or "rollcall"

    def bucket_names(self, prefix: str) -> dict[BucketRole, str]:
        return self._named(prefix).bucket_names

    def _named(self, prefix: str) -> Settings:
        return Settings(
            prefix=prefix,
            input_bucket=self.input_bucket,
            stage_1_bucket=self.stage_1_bucket,
            output_bucket=self.output_bucket,
        )

    def describe(self, *, default_prefix: str) -> Pipeline:
        names = self._named(self.prefix or default_prefix)
        chosen = {field.name for field in dataclasses.fields(Settings)} & type(self).model_fields.keys()
        shared = {name: getattr(self, name) for name in chosen - {"prefix", "threshold"}}
        pipeline = describe(dataclasses.replace(names, threshold=self.own_threshold, **shared))
        return dataclasses.replace(
            pipeline,
            buckets=tuple(self._with_lifetime(bucket) for bucket in pipeline.buckets),
            functions=tuple(self._with_memory(function) for function in pipeline.functions),
        )

    def _with_lifetime(self, bucket: Bucket) -> Bucket:
        days = {"input": self.input_days, "output": self.output_days}.get(bucket.role)
        return bucket if not days else dataclasses.replace(bucket, expire_days=days)

    def _with_memory(self, function: Function) -> Function:
        memory = getattr(self, f"{function.component}_memory")
        return function if memory is None else dataclasses.replace(function, memory_mb=memory)
