"""Types of settings that are more than a plain number or text."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from rollcall.pipeline.description import BUCKET_NAME
from rollcall.pipeline.roles import MAX_PREFIX

LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)

S3S_OWN = ("xn--", "sthree-", "amzn-s3-demo-")  # no bucket of anybody else may start so


def free_in_s3(prefix: str) -> str:
    for start in S3S_OWN:
        if prefix.startswith(start):
            raise ValueError(f"S3 keeps names that start with {start} for itself")
    return prefix


def name_alone(repository: str) -> str:
    registry, _, name = repository.partition("/")
    if ".dkr.ecr." in registry:
        raise ValueError(
            f"give the repository's name alone, {name or 'rollcall'}; the account and region are the deployment's"
        )
    return repository


def distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} is named twice")
    return names


def one_of_log_days(days: int) -> int:
    if days not in LOG_DAYS:
        raise ValueError(f"CloudWatch Logs keeps logs for one of {', '.join(map(str, LOG_DAYS))} days")
    return days


def listed(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Prefix = Annotated[
    str,
    # a stack's name starts with a letter
    Field(min_length=3, max_length=MAX_PREFIX, pattern=r"^[a-z][a-z0-9-]*[a-z0-9]$"),
    AfterValidator(free_in_s3),
]
BucketName = Annotated[str, Field(pattern=f"^{BUCKET_NAME}$"), AfterValidator(free_in_s3)]
Repository = Annotated[str, Field(pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$"), AfterValidator(name_alone)]
LogDays = Annotated[int, AfterValidator(one_of_log_days), WithJsonSchema({"type": "integer", "enum": list(LOG_DAYS)})]
Days = Annotated[int, Field(ge=0, le=36_500)]
MemoryMb = Annotated[int, Field(le=10_240)]  # Lambda's bound
Subnet = Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")]
KmsKey = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
    ),
]
Subnets = Annotated[tuple[Subnet, ...], AfterValidator(distinct), BeforeValidator(listed)]
KmsKeys = Annotated[tuple[KmsKey, ...], AfterValidator(distinct), BeforeValidator(listed)]
