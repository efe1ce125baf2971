"""The embedded cloud: AWS's services on a port, a pipeline provisioned in them, and its functions at work."""

import os
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from botocore.exceptions import BotoCoreError

from rollcall.contracts.errors import RollcallError
from rollcall.local.aws import AwsServer
from rollcall.local.lambda_host.event_source_mapping import FunctionStatus
from rollcall.local.lambda_host.guard import Guard
from rollcall.local.lambda_host.host import HostSettings, LambdaHost
from rollcall.local.lambda_host.launch import Launch, in_this_python
from rollcall.local.lambda_host.logs import Report
from rollcall.local.lambda_host.process_environment import REGION, WorkerSettings
from rollcall.local.lambda_host.unreliable_source import Delivery
from rollcall.local.own_clients import create_client
from rollcall.local.provision import Provision, provision
from rollcall.pipeline.description import Pipeline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

IDLE_SECONDS = 10.0
SERVING_SECONDS = 20.0  # for one answer: the first one loads all of moto, which a busy machine does slowly
PROJECT_ROOT = Path(__file__).parents[2]


class CloudStopped(RollcallError):
    """The server behind S3, SQS and DynamoDB ended by itself; its log says why."""


class LocalCloud:
    """A context manager: inside it takes work; at its end no process, socket or scratch file is left.

    `max_concurrency` is the number of workers of each function (default: one per processor, within the function's
    own limit). `log_dir` gets a file per function and `aws.log`; without it logs go with the cloud. `extra_environment`
    is added to every worker's. `delivery` makes SQS as unreliable as it may be. `task_root` is where handlers are
    imported from. `launch` says how a worker starts: in this Python, or in the function's image. `provision` makes
    queues, buckets and tables. `aws_python` is the Python that runs the server behind them.
    `restartable`: `restart_aws` may be called once that server has ended. `worker_died` is told the function and how.
    `aws_options` are that server's own.

    Raises:
        PortInUse: something else listens on `port`.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        max_concurrency: int | None = None,
        idle_timeout: float = IDLE_SECONDS,
        log_dir: Path | None = None,
        extra_environment: Mapping[str, str] | None = None,
        delivery: Delivery | None = None,
        task_root: Path = PROJECT_ROOT,
        launch: Launch = in_this_python,
        region: str = REGION,
        provision: Provision = provision,
        aws_python: Path = Path(sys.executable),
        aws_options: Sequence[str] = (),
        restartable: bool = False,
        worker_died: Callable[[str, str], None] = lambda _function, _how: None,
    ) -> None:
        self._pipeline = pipeline
        self._port = port
        self._host = host
        self._max_concurrency = max_concurrency or os.cpu_count() or 1
        self._idle_timeout = idle_timeout
        self._log_dir = log_dir
        self._extra_environment = extra_environment or {}
        self._delivery = delivery or Delivery()
        self._task_root = task_root
        self._launch = launch
        self._region = region
        self._provision = provision
        self._aws_python = aws_python
        self._aws_options = aws_options
        self._restartable = restartable
        self._worker_died = worker_died
        self._ending = ExitStack()
        self._clients: dict[str, Any] = {}
        self._clients_lock = Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Returns once every queue is polled."""
        with ExitStack() as ending:
            self._start(ending)
            self._ending = ending.pop_all()

    def close(self) -> None:
        self._ending.close()

    @property
    def pipeline(self) -> Pipeline:
        return self._pipeline

    @property
    def endpoint_url(self) -> str:
        return self._aws.endpoint_url

    def status(self) -> dict[str, FunctionStatus]:
        """Workers and backlog by function name.

        Raises:
            CloudStopped: there is nothing left to ask.
        """
        stopped = CloudStopped(self._stopped())
        if not self._aws.running:
            raise stopped
        try:
            return self._lambda.status()
        except BotoCoreError as error:
            raise stopped from error

    @property
    def aws_exit_code(self) -> int | None:
        """How the server behind S3, SQS and DynamoDB ended; None while it runs."""
        return self._aws.exit_code

    def restart_aws(self, fill: Callable[[str], None]) -> None:
        """Starts a new server once the old one has ended, with the pipeline's buckets, queues and tables, all empty.

        `fill` gets an address at which it can store more before anybody else is served. Raises CloudStopped if the new
        server ends as well.
        """
        self._aws.restart(lambda url: self._set_up(url, fill))

    def _set_up(self, url: str, fill: Callable[[str], None]) -> None:
        wait_until_serving(url, lambda: self._aws.running, CloudStopped(self._stopped()))
        with ExitStack() as ending:
            clients = {service: create_client(service, url) for service in ("s3", "sqs", "dynamodb")}
            for client in clients.values():
                ending.callback(client.close)
            self._provision(self._pipeline, s3=clients["s3"], sqs=clients["sqs"], dynamodb=clients["dynamodb"])
        fill(url)

    def reports(self) -> tuple[Report, ...]:
        """One for each invocation so far, oldest first."""
        return self._lambda.reports()

    def worker_pids(self, function: str) -> tuple[int, ...]:
        return self._lambda.worker_pids(function)

    @overload
    def client(self, service: Literal["s3"]) -> "S3Client": ...
    @overload
    def client(self, service: Literal["sqs"]) -> "SQSClient": ...
    @overload
    def client(self, service: Literal["dynamodb"]) -> "DynamoDBClient": ...
    def client(self, service: str) -> Any:
        """Clients may be shared by threads; each service has one."""
        with self._clients_lock:
            if service not in self._clients:
                client = create_client(service, self.endpoint_url, self._region)
                self._clients[service] = client
                self._ending.callback(client.close)
            return self._clients[service]

    def _start(self, ending: ExitStack) -> None:
        root = Path(tempfile.mkdtemp(prefix="rollcall-"))
        ending.callback(shutil.rmtree, root, ignore_errors=True)
        guard = Guard()
        ending.callback(guard.close)
        guard.remove_at_end(root)
        log_dir = self._log_dir or root / "logs"
        log_dir.mkdir(parents=True, exist_ok=True)
        self._aws = AwsServer(
            host=self._host,
            port=self._port,
            log_file=log_dir / "aws.log",
            guard=guard,
            python=self._aws_python,
            restartable=self._restartable,
            options=self._aws_options,
        )
        ending.callback(self._aws.close)
        clients = {
            service: create_client(service, self.endpoint_url, self._region) for service in ("s3", "sqs", "dynamodb")
        }
        for client in clients.values():
            ending.callback(client.close)
        self._clients = clients
        queues = self._provision(self._pipeline, s3=clients["s3"], sqs=clients["sqs"], dynamodb=clients["dynamodb"])
        self._lambda = LambdaHost(
            self._pipeline,
            settings=self._host_settings(),
            sqs=clients["sqs"],
            queues=queues,
            scratch=root / "scratch",
            log_dir=log_dir,
            guard=guard,
            worker_died=self._worker_died,
        )
        # in this order: a poller that waits for messages returns only when the server is gone
        ending.callback(self._lambda.join)
        ending.callback(self._aws.close)
        ending.callback(self._lambda.stop)

    def _stopped(self) -> str:
        return f"The local AWS server ended unexpectedly: see {self._aws.log_file}."

    def _host_settings(self) -> HostSettings:
        return HostSettings(
            worker=WorkerSettings(
                endpoint_url=self.endpoint_url,
                task_root=self._task_root,
                extra_environment=self._extra_environment,
                launch=self._launch,
                region=self._region,
            ),
            max_concurrency=self._max_concurrency,
            idle_timeout=self._idle_timeout,
            delivery=self._delivery,
        )


def wait_until_serving(url: str, running: Callable[[], bool], otherwise: Exception) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while running():
        with suppress(OSError), opener.open(url, timeout=SERVING_SECONDS):
            return
    raise otherwise
