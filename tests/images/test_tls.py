"""The stack as AWS serves it: over HTTPS, under AWS's host names, in a region that is not the default one.

The images run with what Lambda and ECS give them and no endpoint URL. `TRUST=removed make rehearse-tls` shows how that
fails where the images' trust store is of no use.
"""

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config

from rollcall.api.signing import signing_s3
from rollcall.cli.smoke.http_api import HttpApi
from rollcall.cli.smoke.traces import ROOT
from rollcall.contracts.events import LookupMessage, Upload
from rollcall.local.cloud import LocalCloud
from rollcall.local.lambda_host.guard import Guard
from rollcall.local.lambda_host.launch import Launch
from rollcall.local.lambda_host.logs import FunctionLog
from rollcall.local.lambda_host.process_environment import ACCESS_KEY, ACCOUNT, SECRET_KEY, WorkerSettings
from rollcall.local.lambda_host.runtime_event import sqs_event
from rollcall.local.lambda_host.sandbox import Failure, Sandbox
from rollcall.pipeline.description import Function, Pipeline, entry_point
from rollcall.pipeline.roles import BUCKET_ROLES
from tests.e2e.videos import Videos
from tests.images.api import Answer, Ask, behind_http_api, on_lambda
from tests.images.aws_over_tls import (
    API_HOST,
    CALLER,
    DOMAIN,
    GLOBAL_S3,
    PYTHON_PACKAGES,
    REGION,
    AwsOverTls,
    InImageOverTls,
    cannot_listen,
)
from tests.images.sandbox import as_function, cloud_environment, container
from tests.images.signatures import Request
from tests.images.stack import CDK_PYTHON, synthesize
from tests.images.stack import ROOT as PROJECT
from tests.moto_server import moto_command

PRINCIPAL = f"arn:aws:iam::{ACCOUNT}:user/camera"
REMOVED = os.environ.get("TRUST") == "removed"
COMPONENTS = ("video_split", "face_recognition", "lookup")
SMOKE_SECONDS = 30 if REMOVED else 240

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Served:
    """A stack behind AWS's host names."""

    aws: AwsOverTls
    pipeline: Pipeline
    images: Path
    endpoint_url: str

    def launch(self, trust: Path) -> Launch:
        return InImageOverTls(images=self.images, aws=self.aws, trust=trust)

    def bucket(self, role: str) -> str:
        (name,) = (bucket.name for bucket in self.pipeline.buckets if bucket.role == role)
        return name

    def function(self, component: str) -> Function:
        (found,) = (function for function in self.pipeline.functions if function.component == component)
        return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def no_trust(folder: Path) -> Path:
    """What takes the place of a trust store that is removed."""
    nothing = folder / "nothing.pem"
    nothing.write_text("")
    return nothing


@pytest.fixture(scope="module")
def served(images: Path, folder: Path, no_trust: Path) -> Iterator[Served]:
    if reason := cannot_listen():
        pytest.skip(f"the rehearsal over TLS: {reason}")
    stack = synthesize(folder / "cdk", region=REGION, api="lambda", compute="fargate")
    stack = replace(stack, told={"ApiUrl": f"https://{API_HOST}"})
    pipeline = stack.pipeline
    with AwsOverTls(buckets=[bucket.name for bucket in pipeline.buckets], folder=folder) as aws:
        launch = InImageOverTls(images=images, aws=aws, trust=no_trust if REMOVED else aws.authority)
        on_lambda_s_host = tuple(function for function in pipeline.functions if function.compute == "lambda")
        with LocalCloud(
            replace(pipeline, functions=on_lambda_s_host),
            launch=launch,
            region=REGION,
            provision=stack.provision,
            server=moto_command(CDK_PYTHON),
            log_dir=folder / "logs",
        ) as cloud:
            aws.forward_to(cloud.endpoint_url)
            yield Served(aws, pipeline, images, cloud.endpoint_url)


@pytest.fixture(scope="module")
def worker(served: Served, folder: Path, no_trust: Path) -> Iterator[None]:
    """The worker as ECS runs it, in the environment that the task definition gives it."""
    function = served.function("face_recognition")
    with container(
        served.images,
        function,
        ("/usr/bin/python3", "-m", "functions.worker", entry_point(function.handler)),
        environment=worker_environment(function),
        log=folder / "worker.log",
        launch=served.launch(no_trust if REMOVED else served.aws.authority),
    ):
        yield


def worker_environment(function: Function) -> dict[str, str]:
    return cloud_environment("", REGION) | {
        "FUNCTION_NAME": function.name,
        "QUEUE": function.queue,
        "BATCH_SIZE": str(function.batch_size),
        "TIMEOUT": str(function.timeout),
        "MEMORY_MB": str(function.memory_mb),
        "WAIT_SECONDS": "1",
    }


@contextmanager
def api(served: Served, folder: Path, trust: Path, **variables: str) -> Iterator[tuple[Sandbox, Ask]]:
    """What the stack's HTTP API has behind it."""
    assert served.pipeline.api is not None
    function = as_function(served.pipeline.api)
    function = replace(function, environment=function.environment | variables)
    launch = served.launch(trust)
    with on_lambda(served.images, function, endpoint_url="", folder=folder, launch=launch, region=REGION) as (
        sandbox,
        ask,
    ):
        yield sandbox, ask


def one_at_a_time(ask: Ask) -> Callable[[Request], Answer]:
    lock = Lock()

    def answer(request: Request) -> Answer:
        with lock:
            return ask(request.method, request.path, request.body, request.headers)

    return answer


@pytest.fixture(scope="module")
def with_api(served: Served, folder: Path) -> Iterator[None]:
    (folder / "api").mkdir()
    with api(served, folder / "api", served.aws.authority) as (_, ask):
        by_key = one_at_a_time(ask)
        served.aws.api = lambda request, _signed: by_key(request)
        yield
        served.aws.api = None


def environment(served: Served) -> dict[str, str]:
    """The environment of somebody who has signed in to AWS, and trusts the authority of this test."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],  # where the model files are
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_SESSION_TOKEN": CALLER.token,
        "AWS_CA_BUNDLE": str(served.aws.authority),
    }


@pytest.mark.usefixtures("worker", "with_api")
def test_make_smoke_passes_and_nothing_is_refused_or_left(served: Served) -> None:
    """A video and a photo go through, and the API is asked with a key. Faces are recognized by the worker of ECS."""
    sandboxed = ["bwrap", "--unshare-user", "--dev-bind", "/", "/"]
    sandboxed += ["--ro-bind", str(served.aws.hosts), "/etc/hosts", "--"]
    answer = subprocess.run(
        [*sandboxed, "make", "--silent", "smoke", f"ARGS=--timeout {SMOKE_SECONDS}"],
        cwd=PROJECT,
        env=environment(served),
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    print(answer.stdout, answer.stderr)

    assert answer.returncode == 0, answer.stderr
    told = answer.stdout.splitlines()
    assert [line.split(" s  ")[1] for line in told if " s  " in line] == [
        "made a clip and found the faces on the photos",
        "enrolled two people",
        "uploaded a video and a photo",
        "answered both, with the right names and records",
        "asked the API who is on a photo",
        "uploaded a photo by the API's form, and asked it for the result",
    ]
    assert told[-1].startswith("smoke test passed in ")
    assert told[-1].endswith("by HTTP as well; all that it made is removed")
    assert served.aws.refusals == []
    hosts = {seen.host for seen in served.aws.seen}
    assert {f"{served.bucket(role)}.s3.{DOMAIN}" for role in BUCKET_ROLES} <= hosts
    assert {f"{service}.{DOMAIN}" for service in ("dynamodb", "events", "sqs", "sts")} <= hosts
    assert not any(host == f"s3.{DOMAIN}" or host.endswith(GLOBAL_S3) for host in hosts)  # by path, or the long way
    s3 = boto3.client("s3", endpoint_url=served.endpoint_url, region_name=REGION, **keys())
    for role in BUCKET_ROLES:
        listed: Any = s3.list_object_versions(Bucket=served.bucket(role))
        assert listed.get("Versions", []) == []
    s3.close()


def keys() -> dict[str, Any]:
    return {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}


@pytest.fixture
def by_name(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's names lead this process, too, to the server of the test."""
    resolve = socket.getaddrinfo

    def redirected(host: Any, *rest: Any, **named: Any) -> Any:
        return resolve(served.aws.address if str(host).endswith("amazonaws.com") else host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", redirected)
    for name, value in (environment(served) | {"AWS_DEFAULT_REGION": REGION}).items():  # boto3 reads no AWS_REGION
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("by_name")
def test_with_iam_the_smoke_test_s_signature_opens_the_api(served: Served, videos: Videos, tmp_path: Path) -> None:
    photo = (videos.photos / "obama2.jpg").read_bytes()
    with api(served, tmp_path, served.aws.authority, AUTH="iam") as (sandbox, unsigned):
        signed = behind_http_api(sandbox, signed_by=PRINCIPAL)
        served.aws.api = lambda request, right: one_at_a_time(signed if right else unsigned)(request)

        mine = HttpApi(url=f"https://{API_HOST}", session=boto3.Session(region_name=REGION), key=None)
        answer = mine.recognize(photo)

        other = urllib3.PoolManager(ca_certs=str(served.aws.authority), retries=False)
        with closing_pool(other):
            refused = other.request("POST", f"https://{API_HOST}/v1/recognize", body=photo)
    served.aws.api = None

    assert len(answer["faces"]) == 1
    assert refused.status == 401


@contextmanager
def closing_pool(pool: urllib3.PoolManager) -> Iterator[None]:
    try:
        yield
    finally:
        pool.clear()


def put_event(bucket: str, key: str) -> str:
    described = {"bucket": {"name": bucket}, "object": {"key": key, "size": 1, "versionId": "v"}}
    return json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": described}]})


def message_for(served: Served, component: str) -> str:
    """About an upload that is gone, so that all there is to do is to ask AWS for it."""
    if component == "lookup":
        upload = Upload(bucket=served.bucket("input"), key=f"{ROOT}/gone.mp4", version="v")
        return LookupMessage(upload=upload).model_dump_json()
    if component == "video_split":
        return put_event(served.bucket("input"), f"{ROOT}/gone.mp4")
    return put_event(served.bucket("stage-1"), f"{ROOT}/gone.mp4/gop-00000.zip")


def failures(served: Served, component: str, trust: Path, folder: Path) -> tuple[list[Any], str]:
    """Which messages a function could not deal with, and its log."""
    function = served.function(component)
    settings = WorkerSettings(endpoint_url="", task_root=folder, launch=served.launch(trust), region=REGION)
    message: Any = {
        "MessageId": "1",
        "ReceiptHandle": "r",
        "Body": message_for(served, component),
        "MD5OfBody": "",
        "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "0"},
    }
    event = sqs_event([message], queue_arn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{function.queue}")
    log_file = folder / f"{component}.log"
    with closing(Guard()) as guard, closing(FunctionLog(log_file)) as log:
        sandbox = Sandbox(function, settings=settings, scratch=folder / "scratch", log=log, guard=guard)
        with closing(sandbox):
            result = sandbox.invoke(event, request_id="1").result
    assert not isinstance(result, Failure), result
    return json.loads(result)["batchItemFailures"], log_file.read_text()


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_function_reaches_aws_by_the_trust_store_of_its_image_alone(
    served: Served, component: str, no_trust: Path, tmp_path: Path
) -> None:
    shipped = served.images / component / "root" / PYTHON_PACKAGES.lstrip("/") / "botocore" / "cacert.pem"
    distrusted = {}
    for name, trust in {"trusted": served.aws.authority, "removed": no_trust, "another": shipped}.items():
        (tmp_path / name).mkdir()
        failed, log = failures(served, component, trust, tmp_path / name)
        distrusted[name] = "SSL" in log or "certificate" in log.lower()
        assert failed or not distrusted[name]

    assert distrusted == {"trusted": False, "removed": True, "another": True}


@pytest.mark.usefixtures("by_name")
def test_a_url_that_is_signed_for_the_region_is_served_and_one_for_the_global_host_is_not(served: Served) -> None:
    """The one is what functions sign (rollcall/api/signing.py), the other is what boto3 signs if left alone."""
    gone = {"Bucket": served.bucket("input"), "Key": "gone"}
    pool = urllib3.PoolManager(ca_certs=str(served.aws.authority), retries=False)
    ours, left_alone = signing_s3(), boto3.client("s3", config=Config(signature_version="s3v4"))
    with closing_pool(pool), closing(ours), closing(left_alone):
        answer = pool.request("GET", ours.generate_presigned_url("get_object", Params=gone))
        moved = pool.request("GET", left_alone.generate_presigned_url("get_object", Params=gone))
        followed = pool.request("GET", moved.headers["Location"])

    assert (answer.status, b"NoSuchKey" in answer.data) == (404, True)
    assert (moved.status, followed.status, b"SignatureDoesNotMatch" in followed.data) == (307, 403, True)
