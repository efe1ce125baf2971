"""The functions: each a container image with its own role and log group, run by its own queue."""

from pathlib import Path
from typing import Any

from aws_cdk import Duration, Size
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.images import Images
from infra.constructs.log_groups import build_log_group
from infra.constructs.network import GivenNetwork
from infra.constructs.permissions import build_role
from infra.constructs.queues import Queues
from rollcall.pipeline.deployment_settings import Deployment
from rollcall.pipeline.description import AnyFunction, Function, Pipeline


class Functions(Construct):
    """`built`: the functions by name."""

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
        self.images = Images(self, "Images", deployment=deployment, source=source)
        self.network = GivenNetwork(self, "Network", deployment=deployment) if deployment.vpc_id else None
        self.built = {
            function.name: self._build(function) for function in pipeline.functions if function.compute == "lambda"
        }

    def _build(self, function: Function) -> lambda_.DockerImageFunction:
        built = self.build(function, recursive_loop=lambda_.RecursiveLoop.ALLOW if function.sends_to_itself else None)
        built.add_event_source_mapping(
            "queue",
            event_source_arn=self._queues.main[function.queue].queue_arn,
            batch_size=function.batch_size,
            max_concurrency=function.max_concurrency,
            report_batch_item_failures=True,
        )
        return built

    def build(self, function: AnyFunction, **more: Any) -> lambda_.DockerImageFunction:
        """A function that nothing starts yet."""
        role, log_group = self._role(function), self._log_group(function)
        log_group.grant_write(role)
        return lambda_.DockerImageFunction(
            self,
            function.component,
            function_name=function.name,
            code=self.images.code_of(function),
            architecture=self.images.architecture,
            environment=function.environment,
            timeout=Duration.seconds(function.timeout),
            memory_size=function.memory_mb,
            ephemeral_storage_size=Size.mebibytes(function.scratch_mb),
            role=role,
            log_group=log_group,
            **{"tracing": lambda_.Tracing.ACTIVE} | self._placement() | more,
        )

    def _placement(self) -> dict[str, Any]:
        if self.network is None:
            return {}
        return {
            "vpc": self.network.vpc,
            "vpc_subnets": self.network.subnets,
            "security_groups": [self.network.security_group],
        }

    def _role(self, function: AnyFunction) -> iam.Role:
        return build_role(
            self,
            f"{function.component}-role",
            function=function,
            prefix=self._prefix,
            deployment=self._deployment,
            in_vpc=self.network is not None,
        )

    def _log_group(self, function: AnyFunction) -> logs.LogGroup:
        return build_log_group(
            self, f"{function.component}-logs", name=f"/aws/lambda/{function.name}", days=self._deployment.log_days
        )
