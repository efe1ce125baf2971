"""The whole of Rollcall in one account and region; this only puts the parts together."""

from pathlib import Path
from typing import Any

from aws_cdk import Aws, CfnOutput, Stack
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.constructs.alarms import Alarms
from infra.constructs.buckets import Buckets
from infra.constructs.dashboard import Dashboard
from infra.constructs.functions import Functions
from infra.constructs.http_api import HttpApi
from infra.constructs.load_balanced_api import LoadBalancedApi
from infra.constructs.network import GivenNetwork, PublicNetwork
from infra.constructs.queues import Queues
from infra.constructs.tables import Tables
from infra.constructs.tags import tag_everything
from infra.constructs.workers import Workers
from rollcall.pipeline.deployment_settings import Deployment
from rollcall.pipeline.description import Pipeline


class RollcallStack(Stack):
    def __init__(
        self, scope: Construct, construct_id: str, *, deployment: Deployment, source: Path, **options: Any
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=deployment.stack_name,
            termination_protection=deployment.retained,
            **options,
        )
        # bucket names are the whole world's: the account and the region make them this deployment's own
        pipeline = deployment.describe(default_prefix=f"rollcall-{Aws.ACCOUNT_ID}-{Aws.REGION}")
        tag_everything(self, pipeline.prefix)
        key = deployment.kms_key_arn and kms.Key.from_key_arn(self, "Key", deployment.kms_key_arn)
        queues = Queues(self, "Queues", pipeline=pipeline)
        buckets = Buckets(
            self, "Buckets", pipeline=pipeline, queues=queues, key=key or None, retained=deployment.retained
        )
        tables = Tables(self, "Tables", pipeline=pipeline, key=key or None, retained=deployment.retained)
        functions = Functions(self, "Functions", pipeline=pipeline, deployment=deployment, queues=queues, source=source)
        self._network: GivenNetwork | PublicNetwork | None = functions.network
        workers = self._workers(pipeline, deployment, queues, functions)
        api = self._api(pipeline, deployment, functions)
        built: list[Construct | None] = [queues, buckets, functions, workers, api]
        tables.create_guarded_after(*filter(None, built))
        alarms = Alarms(
            self, "Alarms", pipeline=pipeline, queues=queues, functions=functions, api=api, email=deployment.alarm_email
        )
        Dashboard(
            self,
            "Dashboard",
            pipeline=pipeline,
            queues=queues,
            functions=functions,
            workers=workers,
            api=api,
            alarms=alarms,
        )
        CfnOutput(self, "Prefix", value=pipeline.prefix, description="What every name of this deployment starts with")
        for bucket in pipeline.buckets:
            CfnOutput(self, f"{bucket.role}-bucket", value=bucket.name)
        if api is not None:
            CfnOutput(self, "ApiUrl", value=api.url, description="Where photos are answered")
            CfnOutput(self, "ApiAuth", value=deployment.api_auth, description="Who may ask there: keys or iam")
        if deployment.api_domain is not None and isinstance(api, LoadBalancedApi):
            told = f"What {deployment.api_domain} has to point to, by a CNAME or an alias"
            CfnOutput(self, "ApiBalancer", value=api.balancer_name, description=told)
        CfnOutput(self, "AlarmTopicArn", value=alarms.topic.topic_arn, description="What every alarm is told to")

    def _workers(
        self, pipeline: Pipeline, deployment: Deployment, queues: Queues, functions: Functions
    ) -> Workers | None:
        run = [function for function in pipeline.functions if function.compute == "fargate"]
        if not run:
            return None
        return Workers(
            self,
            "Workers",
            functions=run,
            pipeline=pipeline,
            deployment=deployment,
            queues=queues,
            images=functions.images,
            network=self._container_network(),
        )

    def _api(
        self, pipeline: Pipeline, deployment: Deployment, functions: Functions
    ) -> HttpApi | LoadBalancedApi | None:
        if pipeline.api is None:
            return None
        if pipeline.api.host == "lambda":
            return HttpApi(
                self,
                "Api",
                api=pipeline.api,
                authorizer=pipeline.authorizer,
                deployment=deployment,
                functions=functions,
            )
        return LoadBalancedApi(
            self,
            "Api",
            api=pipeline.api,
            deployment=deployment,
            images=functions.images,
            network=self._container_network(),
        )

    def _container_network(self) -> GivenNetwork | PublicNetwork:
        """The given network, or one for all containers."""
        if self._network is None:
            self._network = PublicNetwork(self, "Network")
        return self._network
