"""The embedded cloud: AWS's services on a port, a pipeline provisioned in them, and its functions at work."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from botocore.exceptions import BotoCoreError

from rollcall.local.aws import HOST, AwsServer, AwsStopped, ServerCommand, StoreCommand
from rollcall.local.lambda_host.event_source_mapping import FunctionStatus
from rollcall.local.lambda_host.guard import Guard
from rollcall.local.lambda_host.host import HostSettings, LambdaHost
from rollcall.local.lambda_host.launch import Launch, in_this_python
from rollcall.local.lambda_host.logs import Report
from rollcall.local.lambda_host.process_environment import LOCAL_CREDENTIALS, REGION, WorkerSettings
from rollcall.local.lambda_host.unreliable_source import Delivery
from rollcall.local.own_clients import create_client
from rollcall.local.provision import Provision, provision
from rollcall.local.store.credentials import Credentials
from rollcall.pipeline.description import Pipeline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

IDLE_SECONDS = 10.0
PROJECT_ROOT = Path(__file__).parents[2]


CloudStopped = AwsStopped


class LocalCloud:
    """A context manager: inside it takes work; at its end no process, socket or scratch file is left.

    `max_concurrency` is the number of workers of each function (default: one per processor, within the function's
    own limit). `log_dir` gets a file per function and `aws.log`; without it logs go with the cloud. `extra_environment`
    is added to every worker's. `delivery` makes SQS as unreliable as it may be. `task_root` is where handlers are
    imported from. `launch` says how a worker starts: in this Python, or in the function's image. `provision` makes
    queues, buckets and tables. `data` is the folder in which they are kept; without it they go with the cloud. `server`
    is another command for the server behind them: a stack needs more of it than is here. `server_options` are those of
    `rollcall.local.store`. `restartable`: `restart_aws` may be called once that server has ended. `worker_died` is told
    the function and how; `messages_done` a component and the messages that it has dealt with. Where `host` is not this
    machine alone, the server asks for `credentials` of its own.

    Raises:
        PortInUse: something else listens on `port`.
        UsageError: `data` cannot be used.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        port: int = 0,
        host: str = HOST,
        max_concurrency: int | None = None,
        idle_timeout: float = IDLE_SECONDS,
        log_dir: Path | None = None,
        extra_environment: Mapping[str, str] | None = None,
        delivery: Delivery | None = None,
        task_root: Path = PROJECT_ROOT,
        launch: Launch = in_this_python,
        region: str = REGION,
        provision: Provision = provision,
        data: Path | None = None,
        server: ServerCommand | None = None,
        server_options: Sequence[str] = (),
        credentials: Credentials = LOCAL_CREDENTIALS,
        restartable: bool = False,
        worker_died: Callable[[str, str], None] = lambda _function, _how: None,
        messages_done: Callable[[str, Sequence[str]], None] = lambda _component, _bodies: None,
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
        self._data = data
        self._server = server
        self._server_options = server_options
        self._credentials = credentials
        self._restartable = restartable
        self._worker_died = worker_died
        self._messages_done = messages_done
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

    @property
    def port(self) -> int:
        """The port of the address that was asked for."""
        return self._aws.port

    def status(self) -> dict[str, FunctionStatus]:
        """Workers and backlog by function name.

        Raises:
            CloudStopped: there is nothing left to ask.
        """
        stopped = CloudStopped(self._aws.stopped)
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

    def restart_aws(self) -> None:
        """Starts the server that has ended again, with its data. Raises CloudStopped or UsageError if it ends anew."""
        self._aws.restart()
        self._aws.wait_until_serving()

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
                client = self._create_client(service)
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
            command=self._server or self._store(root),
            host=self._host,
            port=self._port,
            log_file=log_dir / "aws.log",
            guard=guard,
            restartable=self._restartable,
        )
        ending.callback(self._aws.close)
        self._aws.wait_until_serving()
        clients = {service: self._create_client(service) for service in ("s3", "sqs", "dynamodb")}
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
            messages_done=self._messages_done,
        )
        # in this order: a poller that waits for messages returns only when the server is gone
        ending.callback(self._lambda.join)
        ending.callback(self._aws.close)
        ending.callback(self._lambda.stop)

    def _store(self, root: Path) -> StoreCommand:
        return StoreCommand(
            folder=self._data or root / "data", durable=self._data is not None, options=self._server_options
        )

    def _create_client(self, service: str) -> Any:
        return create_client(service, self.endpoint_url, self._region, self._credentials)

    def _host_settings(self) -> HostSettings:
        return HostSettings(
            worker=WorkerSettings(
                endpoint_url=self.endpoint_url,
                task_root=self._task_root,
                extra_environment=self._extra_environment,
                launch=self._launch,
                region=self._region,
                credentials=self._credentials,
            ),
            max_concurrency=self._max_concurrency,
            idle_timeout=self._idle_timeout,
            delivery=self._delivery,
        )
