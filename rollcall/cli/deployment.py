"""A deployment of Rollcall on AWS or on this machine, found by prefix or stack, and used by the AWS API."""

import argparse
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from rollcall import __version__
from rollcall.cli.aws_errors import AWS_ERRORS, explain
from rollcall.cli.stack_names import NoSuchStack, names_of_stack, outputs_of_stack
from rollcall.contracts.jobs import JobStore
from rollcall.contracts.usage_error import UsageError
from rollcall.people.gallery_store import GalleryStore
from rollcall.people.people_store import PeopleStore
from rollcall.pipeline.roles import BucketRole
from rollcall.pipeline.settings import Settings
from rollcall.results.forget import Forgetter
from rollcall.runtime.region import region_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource, Table
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

LOCAL_PREFIX = "rollcall"
USER_AGENT = f"rollcall/{__version__}"
DEFAULT_STACK = "rollcall"  # where no prefix was chosen: rollcall/pipeline/deployment_settings.py
_WAITING: "QueueAttributeNameType" = "ApproximateNumberOfMessages"
_IN_WORK: "QueueAttributeNameType" = "ApproximateNumberOfMessagesNotVisible"
_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn")


@dataclass(frozen=True, kw_only=True)
class Deployment:
    prefix: str
    buckets: Mapping[BucketRole, str]
    session: boto3.Session
    ending: ExitStack = field(default_factory=ExitStack)

    def bucket(self, role: BucketRole) -> str:
        return self.buckets[role]

    def table(self, role: str) -> "Table":
        return self._dynamodb.Table(f"{self.prefix}-{role}")

    def queue_url(self, role: str) -> str:
        return self.sqs.get_queue_url(QueueName=f"{self.prefix}-{role}")["QueueUrl"]

    def queue_counts(self, role: str) -> tuple[int, int]:
        """Numbers of messages that wait and that are in work."""
        url = self.queue_url(role)
        counts = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[_WAITING, _IN_WORK])["Attributes"]
        return int(counts[_WAITING]), int(counts[_IN_WORK])

    def require(self, *buckets: BucketRole) -> None:
        """Fails at once, and not after minutes of work, if there is no such deployment."""
        for role in buckets:
            try:
                self.s3.head_bucket(Bucket=self.bucket(role))
            except ClientError as error:
                if error.response["Error"]["Code"] in {"404", "NoSuchBucket"}:
                    raise UsageError(
                        f"no {describe(self.prefix)}: there is no bucket {self.bucket(role)}; check --prefix or"
                        " --stack, and the account and region in use"
                    ) from error
                raise

    @property
    def on_aws(self) -> bool:
        return _is_aws(self.sqs)

    @cached_property
    def s3(self) -> "S3Client":
        client: S3Client = self._opened("s3")
        return client

    @cached_property
    def sqs(self) -> "SQSClient":
        client: SQSClient = self._opened("sqs")
        return client

    @cached_property
    def jobs(self) -> JobStore:
        return JobStore(self.table("jobs"))

    @cached_property
    def gallery(self) -> GalleryStore:
        return GalleryStore(self.table("faces"))

    @cached_property
    def people(self) -> PeopleStore:
        return PeopleStore(self.table("people"))

    @cached_property
    def forgetter(self) -> Forgetter:
        return Forgetter(
            s3=self.s3,
            input_bucket=self.bucket("input"),
            output_bucket=self.bucket("output"),
            people=self.people,
            gallery=self.gallery,
        )

    def find_stack(self, named: str | None) -> dict[str, str]:
        """The outputs of the stack `named`, or else found by its prefix; none if there is no such stack."""
        cloudformation = self._opened("cloudformation")
        for stack in [named] if named else [self.prefix, DEFAULT_STACK]:
            try:
                outputs = outputs_of_stack(stack, cloudformation)
            except NoSuchStack:
                continue
            if outputs.get("Prefix") == self.prefix:
                return outputs
        return {}

    @cached_property
    def _dynamodb(self) -> "DynamoDBServiceResource":
        resource = self.session.resource("dynamodb", config=Config(user_agent_extra=USER_AGENT))
        self.ending.callback(resource.meta.client.close)
        return resource

    def _opened(self, service: str) -> Any:
        return _client(self.session, service, self.ending)


@contextmanager
def open_deployment(options: argparse.Namespace) -> Iterator[Deployment]:
    """The deployment that `--prefix` or `--stack` names; what AWS refuses inside becomes a UsageError."""
    named = describe(options.prefix) if options.prefix and not options.stack else "deployment"
    try:
        with ExitStack() as ending:
            session = boto3.Session(region_name=region_of(os.environ))
            names = _names_of(options, session, ending)
            named = describe(names.prefix)
            yield Deployment(prefix=names.prefix, buckets=names.bucket_names, session=session, ending=ending)
    except AWS_ERRORS as error:
        raise UsageError(explain(error, named)) from error


def describe(prefix: str) -> str:
    return f"deployment with the prefix {prefix!r}"


def _names_of(options: argparse.Namespace, session: boto3.Session, ending: ExitStack) -> Settings:
    if options.stack:
        return names_of_stack(options.stack, _client(session, "cloudformation", ending))
    return Settings(
        prefix=_prefix_of(options, session, ending),
        input_bucket=options.input_bucket,
        stage_1_bucket=options.stage_1_bucket,
        output_bucket=options.output_bucket,
    )


def _prefix_of(options: argparse.Namespace, session: boto3.Session, ending: ExitStack) -> str:
    if options.prefix:
        return str(options.prefix)
    sts = _client(session, "sts", ending)
    if not _is_aws(sts):
        return LOCAL_PREFIX
    return f"rollcall-{sts.get_caller_identity()['Account']}-{sts.meta.region_name}"  # as infra/stack.py names it


def _client(session: boto3.Session, service: str, ending: ExitStack) -> Any:
    client = session.client(service, config=Config(user_agent_extra=USER_AGENT))  # type: ignore[call-overload]  # which service is known only when it runs
    ending.callback(client.close)
    return client


def _is_aws(client: Any) -> bool:
    return (urlsplit(client.meta.endpoint_url).hostname or "").endswith(_AWS_DOMAINS)
