"""The functions: each a container image with its own role and log group, run by its own queue."""

from pathlib import Path
from typing import Any

from aws_cdk import Duration, RemovalPolicy, Size
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.images import Images
from infra.constructs.network import Network
from infra.constructs.permissions import build_role
from infra.constructs.queues import Queues
from infra.pipeline import Function, Pipeline
from infra.settings import Deployment


class Functions(Construct):
    """`built` by the function's name."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: Pipeline,
        deployment: Deployment,
        queues: Queues,
        source: Path,
    ) -> None:
        super().__init__(scope, construct_id)
        self._deployment = deployment
        self._prefix = pipeline.prefix
        self._queues = queues
        self._images = Images(self, "Images", deployment=deployment, source=source)
        self._network = Network(self, "Network", deployment=deployment) if deployment.vpc_id else None
        self.built = {function.name: self._build(function) for function in pipeline.functions}

    def _build(self, function: Function) -> lambda_.DockerImageFunction:
        role, log_group = self._role(function), self._log_group(function)
        log_group.grant_write(role)
        built = lambda_.DockerImageFunction(
            self,
            function.component,
            function_name=function.name,
            code=self._images.code_of(function),
            architecture=self._images.architecture,
            environment=function.environment,
            timeout=Duration.seconds(function.timeout),
            memory_size=function.memory_mb,
            ephemeral_storage_size=Size.mebibytes(function.scratch_mb),
            tracing=lambda_.Tracing.ACTIVE,
            role=role,
            log_group=log_group,
            recursive_loop=lambda_.RecursiveLoop.ALLOW if function.sends_to_itself else None,
            **self._placement(),
        )
        built.add_event_source_mapping(
            "queue",
            event_source_arn=self._queues.main[function.queue].queue_arn,
            batch_size=function.batch_size,
            max_concurrency=function.max_concurrency,
            report_batch_item_failures=True,
        )
        return built

    def _placement(self) -> dict[str, Any]:
        if self._network is None:
            return {}
        return {
            "vpc": self._network.vpc,
            "vpc_subnets": self._network.subnets,
            "security_groups": [self._network.security_group],
        }

    def _role(self, function: Function) -> iam.Role:
        return build_role(
            self,
            f"{function.component}-role",
            function=function,
            prefix=self._prefix,
            key_arn=self._deployment.kms_key_arn,
            in_vpc=self._network is not None,
        )

    def _log_group(self, function: Function) -> logs.LogGroup:
        group = logs.LogGroup(
            self,
            f"{function.component}-logs",
            log_group_name=f"/aws/lambda/{function.name}",
            removal_policy=RemovalPolicy.DESTROY,
        )
        resource = group.node.default_child
        assert isinstance(resource, logs.CfnLogGroup)
        resource.retention_in_days = self._deployment.log_days  # the L2 property takes names such as ONE_MONTH
        return group
