"""The alarms, all told to one topic."""

from dataclasses import dataclass

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.functions import Functions
from infra.constructs.http_api import HttpApi
from infra.constructs.load_balanced_api import LoadBalancedApi
from infra.constructs.queues import Queues
from rollcall.pipeline.description import (
    ATTEMPTS,
    DAY_SECONDS,
    UNTRIED_SECONDS,
    Api,
    Function,
    Pipeline,
    Queue,
    metrics_namespace,
)

NEAR_TIMEOUT = 0.9  # of the function's time: what takes longer is likely to be cut off on a slower day
PERIOD = Duration.minutes(5)
# in one period, in which a message fails three times at most: more than three messages
FAILED_RECORDS = 10
STUCK_PERIODS = 2  # a task has started by then, or does not start at all


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """An alarm goes off above `over`, or else below `under`, after so many periods in a row."""

    name: str
    metric: cloudwatch.Metric | cloudwatch.MathExpression
    over: float = 0
    under: float | None = None
    periods: int = 1
    meaning: str
    # an idle pipeline has no metrics
    unmeasured: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING


class Alarms(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: Pipeline,
        queues: Queues,
        functions: Functions,
        api: HttpApi | LoadBalancedApi | None,
        email: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = self._build_topic(pipeline.prefix)
        if email is not None:
            sns.Subscription(self, "email", topic=self.topic, protocol=sns.SubscriptionProtocol.EMAIL, endpoint=email)
        thresholds = [
            *(
                threshold
                for queue in pipeline.queues
                for threshold in _of_queue(queue, queues.main[queue.name], queues.dead_letters[queue.name])
            ),
            *(
                threshold
                for function in pipeline.functions
                if function.name in functions.built
                for threshold in _of_function(function, functions.built[function.name])
            ),
            *(_of_records(function, metrics_namespace(pipeline.prefix)) for function in pipeline.functions),
            *(
                _of_workers(function, queues.main[function.queue])
                for function in pipeline.functions
                if function.compute == "fargate"
            ),
            *([] if pipeline.api is None or api is None else _of_api(pipeline.api, api)),
        ]
        self.all = [self._build(threshold, pipeline.prefix) for threshold in thresholds]
        if isinstance(api, LoadBalancedApi):
            self.node.add_dependency(api.service)  # which has no healthy task before it is there

    def _build_topic(self, prefix: str) -> sns.Topic:
        # AWS's own key for SNS cannot be opened to CloudWatch, so this one is made
        key = kms.Key(
            self,
            "key",
            description="Alarms of Rollcall",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                # in a key's own policy: this key. It encrypts nothing but the topic below, whose own policy asks for
                # this account. AWS does not say whether CloudWatch tells KMS the account as well.
                resources=["*"],
            )
        )
        topic = sns.Topic(self, "topic", topic_name=f"{prefix}-alarms", master_key=key, enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsPublish",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        return topic

    def _build(self, threshold: Threshold, prefix: str) -> cloudwatch.Alarm:
        alarm = threshold.metric.create_alarm(
            self,
            threshold.name,
            alarm_name=f"{prefix}-{threshold.name}",
            alarm_description=threshold.meaning,
            threshold=threshold.over if threshold.under is None else threshold.under,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
            if threshold.under is None
            else cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            evaluation_periods=threshold.periods,
            treat_missing_data=threshold.unmeasured,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        return alarm


def _of_queue(queue: Queue, main: sqs.Queue, dead_letters: sqs.Queue) -> list[Threshold]:
    role = main.node.id
    return [
        Threshold(
            name=f"{role}-dead-letters",
            metric=dead_letters.metric_approximate_number_of_messages_visible(period=PERIOD, statistic="max"),
            over=0,
            meaning=f"Messages of the {role} queue failed at least {ATTEMPTS} times, or could not be begun for"
            f" {UNTRIED_SECONDS // DAY_SECONDS} days, and wait to be looked at.",
        ),
        Threshold(
            name=f"{role}-backlog-age",
            metric=main.metric_approximate_age_of_oldest_message(period=PERIOD, statistic="max"),
            # by then a first attempt has failed, or has not even begun
            over=queue.visibility_timeout,
            meaning=f"A message of the {role} queue is older than {queue.visibility_timeout} seconds.",
        ),
    ]


def _of_records(function: Function, namespace: str) -> Threshold:
    """An alarm on messages that a function handed back: to Lambda such an invocation is no error."""
    return Threshold(
        name=f"{_dashed(function)}-failed-records",
        metric=cloudwatch.Metric(
            namespace=namespace,
            metric_name="RecordsFailed",
            dimensions_map={"service": function.component},
            period=PERIOD,
            statistic="sum",
        ),
        over=FAILED_RECORDS,
        meaning=f"{function.component} failed on more than {FAILED_RECORDS} messages in five minutes; they come again.",
    )


def _of_workers(function: Function, queue: sqs.Queue) -> Threshold:
    return Threshold(
        name=f"{_dashed(function)}-no-workers",
        metric=cloudwatch.MathExpression(
            expression="IF(waiting > 0 AND FILL(received, 0) == 0, 1, 0)",
            using_metrics={
                "waiting": queue.metric_approximate_number_of_messages_visible(period=PERIOD, statistic="min"),
                "received": queue.metric_number_of_messages_received(period=PERIOD, statistic="sum"),
            },
            period=PERIOD,
            label="work that nobody takes",
        ),
        periods=STUCK_PERIODS,
        meaning=f"There is work for {function.component}, and for ten minutes no worker has taken any.",
    )


def _dashed(function: Function | Api) -> str:
    return function.component.replace("_", "-")


def _of_function(function: Function | Api, built: lambda_.Function) -> list[Threshold]:
    name = _dashed(function)
    return [
        Threshold(
            name=f"{name}-errors",
            metric=built.metric_errors(period=PERIOD),
            over=0,
            meaning=f"{function.component} crashed, ran out of memory or ran out of time.",
        ),
        Threshold(
            name=f"{name}-throttles",
            metric=built.metric_throttles(period=PERIOD),
            over=0,
            meaning=f"The account's limit of concurrent executions holds {function.component} back.",
        ),
        Threshold(
            name=f"{name}-duration",
            metric=built.metric_duration(period=PERIOD, statistic="max"),
            over=NEAR_TIMEOUT * function.timeout * 1000,  # milliseconds
            meaning=f"{function.component} came near its timeout of {function.timeout} seconds.",
        ),
    ]


def _of_api(described: Api, api: HttpApi | LoadBalancedApi) -> list[Threshold]:
    failures = Threshold(
        name="api-failures",
        metric=api.failures(period=PERIOD, statistic="sum"),
        over=0,
        meaning="The HTTP API failed to answer: its log has the request id of each.",
    )
    if isinstance(api, HttpApi):
        return [failures, *_of_function(described, api.function)]
    return [
        failures,
        Threshold(
            name="api-unanswered",
            metric=api.unanswered(period=PERIOD, statistic="sum"),
            over=0,
            meaning="The load balancer had no task to ask, or got no answer from it.",
        ),
        Threshold(
            name="api-unhealthy",
            metric=api.healthy(period=PERIOD, statistic="max"),
            under=1,
            periods=STUCK_PERIODS,
            unmeasured=cloudwatch.TreatMissingData.BREACHING,  # without a task there is nothing to measure
            meaning="For ten minutes no task of the HTTP API has been healthy.",
        ),
    ]
