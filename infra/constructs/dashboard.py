"""One page that reads as the pipeline flows: a row for each stage, from the queue before it to what it failed on."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.constructs.alarms import Alarms
from infra.constructs.functions import Functions
from infra.constructs.queues import Queues
from infra.pipeline import Function, Pipeline

PERIOD = Duration.minutes(1)
COLUMN = 6  # a quarter of the page
HEIGHT = 6

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
        alarms: Alarms,
    ) -> None:
        super().__init__(scope, construct_id)
        self._queues = queues
        self._functions = functions
        self.page = cloudwatch.Dashboard(
            self,
            "page",
            dashboard_name=pipeline.prefix,
            default_interval=Duration.hours(3),
            widgets=[
                [cloudwatch.TextWidget(markdown=FLOW, width=4 * COLUMN, height=2)],
                [cloudwatch.AlarmStatusWidget(alarms=alarms.all, width=4 * COLUMN, height=4, title="Alarms")],
                *(self._row(function) for function in pipeline.functions),
            ],
        )

    def _row(self, function: Function) -> list[cloudwatch.IWidget]:
        queue, dead_letters = self._queues.main[function.queue], self._queues.dead_letters[function.queue]
        built = self._functions.built[function.name]
        role, name = queue.node.id, function.component
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
            _graph(
                f"{role}: dead letters",
                dead_letters.metric_approximate_number_of_messages_visible(
                    period=PERIOD, statistic="max", label="messages"
                ),
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
