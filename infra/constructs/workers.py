"""Functions that run as long-running workers on ECS Fargate: as many as their queue needs, none when it is empty."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.fargate import NO_INSIGHTS, fargate_task
from infra.constructs.images import Images
from infra.constructs.keep_awake import keep_awake
from infra.constructs.network import GivenNetwork, PublicNetwork
from infra.constructs.permissions import build_task_role
from infra.constructs.queues import Queues
from infra.nag import acknowledge
from rollcall.pipeline.deployment_settings import Deployment
from rollcall.pipeline.description import Function, Pipeline, entry_point
from rollcall.pipeline.scaling import Policy, steps

ENTRY_POINT = ("/usr/bin/python3", "-m", "functions.worker")
STOP_SECONDS = 120  # Fargate's longest, and the notice that Spot gives
GRACE_SECONDS = 90  # of it for the batch in hand
# a message takes a second or two and a task about a minute to start: what waits for less is not worth another task
BACKLOG_PER_WORKER = 20
SCALE_IN_AFTER = Duration.minutes(5)


class Workers(Construct):
    """`services`: the ECS services by the function's name."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: Sequence[Function],
        pipeline: Pipeline,
        deployment: Deployment,
        queues: Queues,
        images: Images,
        network: GivenNetwork | PublicNetwork,
    ) -> None:
        super().__init__(scope, construct_id)
        self._prefix = pipeline.prefix
        self._deployment = deployment
        self._queues = queues
        self._images = images
        self._network = network
        self._cluster = ecs.Cluster(
            self,
            "cluster",
            cluster_name=pipeline.prefix,
            vpc=self._network.vpc,
            container_insights_v2=ecs.ContainerInsights.DISABLED,
            enable_fargate_capacity_providers=True,
        )
        acknowledge(self._cluster, "AwsSolutions-ECS4", NO_INSIGHTS)
        self.services = {function.name: self._build(function) for function in functions}

    def _build(self, function: Function) -> ecs.FargateService:
        service = ecs.FargateService(
            self,
            function.component,
            service_name=function.name,
            cluster=self._cluster,
            task_definition=self._task(function),
            # no desired count: the first deployment starts one, which proves the image, and later ones leave it alone
            capacity_provider_strategies=[
                ecs.CapacityProviderStrategy(
                    capacity_provider="FARGATE_SPOT" if self._deployment.capacity == "spot" else "FARGATE", weight=1
                )
            ],
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            min_healthy_percent=100,
            max_healthy_percent=200,
            assign_public_ip=self._network.public,
            vpc_subnets=self._network.subnets,
            security_groups=[self._network.security_group],
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        # on all of the cluster: its capacity providers are a resource of their own, in use as long as the service is
        service.node.add_dependency(self._cluster, *self._network.ways_out)
        self._scale(function, service)
        keep_awake(self, function, self._queues.main[function.queue])
        return service

    def _task(self, function: Function) -> ecs.FargateTaskDefinition:
        return fargate_task(
            self,
            function,
            images=self._images,
            role=build_task_role(
                self,
                f"{function.component}-role",
                function=function,
                prefix=self._prefix,
                deployment=self._deployment,
            ),
            entry_point=ENTRY_POINT,
            command=(entry_point(function.handler),),
            environment=worker_environment(function),
            log_days=self._deployment.log_days,
            stop_seconds=STOP_SECONDS,
        )

    def _scale(self, function: Function, service: ecs.FargateService) -> None:
        policy = policy_of(function)
        target = scaling.ScalableTarget(
            self,
            f"{function.component}-target",
            service_namespace=scaling.ServiceNamespace.ECS,
            resource_id=f"service/{self._cluster.cluster_name}/{service.service_name}",
            scalable_dimension="ecs:service:DesiredCount",
            min_capacity=0,
            max_capacity=policy.ceiling,
            role=iam.Role.from_role_arn(self, f"{function.component}-scaling-role", _SCALING_ROLE),
        )
        needed = needed_workers_metric(policy, self._queues.main[function.queue])
        work = self._alarm(
            function,
            needed,
            name="needed",
            meaning=f"there is work for {function.component}, and the tasks follow it",
            comparison=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            unmeasured=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        work.add_alarm_action(actions.ApplicationScalingAction(self._follow(function, target, policy)))
        idle = self._alarm(
            function,
            needed,
            name="idle",
            meaning=f"{function.component} has had nothing to do, and its tasks end",
            comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            unmeasured=cloudwatch.TreatMissingData.BREACHING,  # a queue long unused has no metrics
        )
        idle.add_alarm_action(actions.ApplicationScalingAction(self._let_go(function, target)))

    def _alarm(
        self,
        function: Function,
        needed: cloudwatch.IMetric,
        *,
        name: str,
        meaning: str,
        comparison: cloudwatch.ComparisonOperator,
        unmeasured: cloudwatch.TreatMissingData,
    ) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            f"{function.component}-{name}",
            alarm_name=f"{function.name}-workers-{name}",
            alarm_description=f"Not a fault: {meaning}.",
            metric=needed,
            threshold=1,
            comparison_operator=comparison,
            evaluation_periods=1,
            treat_missing_data=unmeasured,
        )

    def _follow(self, function: Function, target: scaling.ScalableTarget, policy: Policy) -> scaling.StepScalingAction:
        action = self._action(f"{function.component}-follow", target)
        table = steps(policy)
        ends = [step.above for step in table[1:]] + [None]
        for step, end in zip(table, ends, strict=True):
            action.add_adjustment(adjustment=step.workers, lower_bound=step.above, upper_bound=end)
        return action

    def _let_go(self, function: Function, target: scaling.ScalableTarget) -> scaling.StepScalingAction:
        action = self._action(f"{function.component}-let-go", target)
        action.add_adjustment(adjustment=0, upper_bound=0)
        return action

    def _action(self, construct_id: str, target: scaling.ScalableTarget) -> scaling.StepScalingAction:
        return scaling.StepScalingAction(
            self,
            construct_id,
            scaling_target=target,
            adjustment_type=scaling.AdjustmentType.EXACT_CAPACITY,
            cooldown=Duration.seconds(0),  # the metric's own window keeps it from flapping
            metric_aggregation_type=scaling.MetricAggregationType.MAXIMUM,
        )


_SCALING_ROLE = (
    f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com"
    "/AWSServiceRoleForApplicationAutoScaling_ECSService"
)


def policy_of(function: Function) -> Policy:
    return Policy(
        ceiling=function.max_concurrency,
        backlog_per_worker=BACKLOG_PER_WORKER,
        batch_size=function.batch_size,
        scale_in_after=SCALE_IN_AFTER.to_seconds(),
    )


def needed_workers_metric(policy: Policy, queue: sqs.Queue) -> cloudwatch.MathExpression:
    """`rollcall.pipeline.scaling.needed_workers` at the peaks of a window that CloudWatch slides on every minute."""
    return cloudwatch.MathExpression(
        # SQS reports messages in hand where there are some: without a value the sum would have none either
        expression=f"CEIL(waiting / {policy.backlog_per_worker}) + CEIL(FILL(hand, 0) / {policy.batch_size})",
        using_metrics={
            "waiting": queue.metric_approximate_number_of_messages_visible(period=SCALE_IN_AFTER, statistic="max"),
            "hand": queue.metric_approximate_number_of_messages_not_visible(period=SCALE_IN_AFTER, statistic="max"),
        },
        period=SCALE_IN_AFTER,
        label="workers needed",
    )


def worker_environment(function: Function) -> dict[str, str]:
    return function.environment | {
        "AWS_DEFAULT_REGION": Aws.REGION,
        "BATCH_SIZE": str(function.batch_size),
        "FUNCTION_NAME": function.name,
        "GRACE_SECONDS": str(GRACE_SECONDS),
        "MEMORY_MB": str(function.memory_mb),
        "QUEUE": function.queue,
        "TIMEOUT": str(function.timeout),
    }
