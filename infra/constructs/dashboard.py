"""One page that reads as the pipeline flows: a row for each stage, from the queue before it to what it failed on."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.alarms import Alarms
from infra.constructs.functions import Functions
from infra.constructs.http_api import HttpApi
from infra.constructs.load_balanced_api import LoadBalancedApi
from infra.constructs.queues import Queues
from infra.constructs.workers import Workers
from rollcall.pipeline.description import Function, Pipeline, metrics_namespace

PERIOD = Duration.minutes(1)
COLUMN = 6  # a quarter of the page
HEIGHT = 6

# in the order of the flow
STAGE_TIMES = (
    ("SplitTime", "video_split"),
    ("StoreTime", "video_split"),
    ("FetchTime", "face_recognition"),
    ("RecognizeTime", "face_recognition"),
    ("StoreTime", "face_recognition"),
    ("FetchTime", "lookup"),
    ("LookupTime", "lookup"),
    ("StoreTime", "lookup"),
)

FLOW = (
    "# Rollcall\n"
    "input bucket → **split** queue → video_split → stage-1 bucket → **recognize** queue → face_recognition"
    " → **lookup** queue → lookup → output bucket"
)


class Dashboard(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: Pipeline,
        queues: Queues,
        functions: Functions,
        workers: Workers | None,
        api: HttpApi | LoadBalancedApi | None,
        alarms: Alarms,
    ) -> None:
        super().__init__(scope, construct_id)
        self._queues = queues
        self._functions = functions
        self._namespace = metrics_namespace(pipeline.prefix)
        self._services = {} if workers is None else workers.services
        self.page = cloudwatch.Dashboard(
            self,
            "page",
            dashboard_name=pipeline.prefix,
            default_interval=Duration.hours(3),
            widgets=[
                [cloudwatch.TextWidget(markdown=FLOW, width=4 * COLUMN, height=2)],
                [cloudwatch.AlarmStatusWidget(alarms=alarms.all, width=4 * COLUMN, height=4, title="Alarms")],
                *(self._row(function) for function in pipeline.functions),
                self._of_the_whole(),
                *([] if api is None else [_of_api(api)]),
            ],
        )

    def _row(self, function: Function) -> list[cloudwatch.IWidget]:
        queue, dead_letters = self._queues.main[function.queue], self._queues.dead_letters[function.queue]
        role = queue.node.id
        return [
            _graph(
                f"{role}: waiting, in work",
                queue.metric_approximate_number_of_messages_visible(period=PERIOD, statistic="max", label="waiting"),
                queue.metric_approximate_number_of_messages_not_visible(
                    period=PERIOD, statistic="max", label="in work"
                ),
                right=queue.metric_approximate_age_of_oldest_message(
                    period=PERIOD, statistic="max", label="oldest, seconds"
                ),
            ),
            *(self._of_service(function) if function.name in self._services else self._of_function(function)),
            _graph(
                f"{role}: dead letters",
                dead_letters.metric_approximate_number_of_messages_visible(
                    period=PERIOD, statistic="max", label="messages"
                ),
                right=self._counted("RecordsFailed", function.component, label="failed attempts"),
            ),
        ]

    def _of_the_whole(self) -> list[cloudwatch.IWidget]:
        """Metrics that the functions count themselves (docs/observability.md)."""
        return [
            _graph(
                "frames, faces",
                self._counted("Frames", "face_recognition", label="frames"),
                right=self._counted("Faces", "face_recognition", label="faces"),
            ),
            _graph(
                "results, failures",
                self._counted("Results", "lookup", label="results"),
                self._counted("Failures", "lookup", label="failures"),
            ),
            _graph(
                "stages: median, ms",
                *(
                    self._own(metric, service, statistic="p50", label=f"{service}: {metric}")
                    for metric, service in STAGE_TIMES
                ),
            ),
            _graph(
                "upload to result, ms",
                self._own("TotalTime", "lookup", statistic="p50", label="p50"),
                self._own("TotalTime", "lookup", statistic="p99", label="p99"),
            ),
        ]

    def _counted(self, metric: str, service: str, *, label: str) -> cloudwatch.Metric:
        return self._own(metric, service, statistic="sum", label=label)

    def _own(self, metric: str, service: str, *, statistic: str, label: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self._namespace,
            metric_name=metric,
            dimensions_map={"service": service},
            period=PERIOD,
            statistic=statistic,
            label=label,
        )

    def _of_function(self, function: Function) -> list[cloudwatch.IWidget]:
        return _of_lambda(self._functions.built[function.name], function.component)

    def _of_service(self, function: Function) -> list[cloudwatch.IWidget]:
        return _of_tasks(self._services[function.name], function.component, "workers")


def _of_api(api: HttpApi | LoadBalancedApi) -> list[cloudwatch.IWidget]:
    failures = [api.failures(period=PERIOD, statistic="sum", label="5xx")]
    if isinstance(api, HttpApi):
        latency = _graph(
            "api: latency, ms",
            api.gateway.metric_latency(period=PERIOD, statistic="p50", label="p50"),
            api.gateway.metric_latency(period=PERIOD, statistic="p99", label="p99"),
        )
        return [latency, *_of_lambda(api.function, "api"), _graph("api: failures", *failures)]
    failures.append(api.unanswered(period=PERIOD, statistic="sum", label="not answered by a task"))
    healthy = api.healthy(period=PERIOD, statistic="max", label="healthy tasks")
    return [*_of_tasks(api.service, "api", "tasks"), _graph("api: failures", *failures, right=healthy)]


def _of_lambda(built: lambda_.Function, name: str) -> list[cloudwatch.IWidget]:
    return [
        _graph(
            f"{name}: invocations",
            built.metric_invocations(period=PERIOD, label="invocations"),
            built.metric_errors(period=PERIOD, label="errors"),
            built.metric_throttles(period=PERIOD, label="throttles"),
            right=built.metric("ConcurrentExecutions", period=PERIOD, statistic="max", label="at the same time"),
        ),
        _graph(
            f"{name}: duration, ms",
            built.metric_duration(period=PERIOD, statistic="p50", label="p50"),
            built.metric_duration(period=PERIOD, statistic="p99", label="p99"),
        ),
    ]


def _of_tasks(service: ecs.FargateService, name: str, called: str) -> list[cloudwatch.IWidget]:
    return [
        # each running task reports its use of CPU once a minute
        _graph(f"{name}: {called}", service.metric_cpu_utilization(period=PERIOD, statistic="n", label="running")),
        _graph(
            f"{name}: CPU and memory, %",
            service.metric_cpu_utilization(period=PERIOD, statistic="avg", label="CPU"),
            service.metric_memory_utilization(period=PERIOD, statistic="max", label="memory"),
        ),
    ]


def _graph(title: str, *left: cloudwatch.IMetric, right: cloudwatch.IMetric | None = None) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=[] if right is None else [right],
        left_y_axis=cloudwatch.YAxisProps(min=0),
        right_y_axis=cloudwatch.YAxisProps(min=0),
        width=COLUMN,
        height=HEIGHT,
    )
