"""The HTTP API as a function behind API Gateway: it costs nothing while nobody asks, and is closed without a key."""

import json

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_authorizers import HttpIamAuthorizer, HttpLambdaAuthorizer, HttpLambdaResponseType
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra.constructs.functions import Functions
from infra.constructs.log_groups import build_log_group
from rollcall.pipeline.deployment_settings import Deployment
from rollcall.pipeline.description import CORS_HEADERS, CORS_SECONDS, Api, Authorizer

BURST_SECONDS = 2  # of the rate that may come at once
# every method but OPTIONS, which has to stay open for browsers
METHODS = [
    apigateway.HttpMethod.GET,
    apigateway.HttpMethod.POST,
    apigateway.HttpMethod.PUT,
    apigateway.HttpMethod.DELETE,
]
# no path and no query: those hold names
LOGGED = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "address": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "error": "$context.error.message",
    "integrationError": "$context.integrationErrorMessage",
}


class HttpApi(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        api: Api,
        authorizer: Authorizer | None,
        deployment: Deployment,
        functions: Functions,
    ) -> None:
        super().__init__(scope, construct_id)
        self._api = api
        self._deployment = deployment
        self.function = functions.build(api, reserved_concurrent_executions=deployment.api_concurrency)
        self._authorizer = HttpIamAuthorizer() if authorizer is None else self._key_check(authorizer, functions)
        self.gateway = self._gateway()
        self.url = self.gateway.api_endpoint
        self._build_stage()
        self._build_routes()

    def failures(self, **options: object) -> cloudwatch.Metric:
        """Answers of the 5xx kind, the function's and API Gateway's own."""
        return self.gateway.metric_server_error(**options)  # type: ignore[arg-type]

    def _build_routes(self) -> None:
        for path in ("/", "/{proxy+}"):
            self.gateway.add_routes(
                path=path,
                methods=METHODS,
                integration=HttpLambdaIntegration("function", self.function),
                authorizer=self._authorizer,
            )

    def _key_check(self, authorizer: Authorizer, functions: Functions) -> HttpLambdaAuthorizer:
        """It is asked about every request: API Gateway demands each header that it caches answers by, and a key comes
        in one of two. The function itself remembers keys for some seconds.
        """
        function = functions.build(
            authorizer,
            reserved_concurrent_executions=self._deployment.api_authorizer_concurrency,
            # strangers start it: no trace and no line of each request is written at the owner's cost
            tracing=lambda_.Tracing.DISABLED,
            logging_format=lambda_.LoggingFormat.JSON,
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
        )
        return HttpLambdaAuthorizer(
            "keys",
            function,
            identity_source=[],
            response_types=[HttpLambdaResponseType.SIMPLE],
            results_cache_ttl=Duration.seconds(0),
        )

    def _gateway(self) -> apigateway.HttpApi:
        origins = list(self._deployment.origins)
        return apigateway.HttpApi(
            self,
            "gateway",
            api_name=self._api.name,
            create_default_stage=False,
            # API Gateway answers browsers' questions in advance itself: those come without key or signature
            cors_preflight=apigateway.CorsPreflightOptions(
                allow_origins=origins,
                allow_methods=[apigateway.CorsHttpMethod.ANY],
                allow_headers=list(CORS_HEADERS),
                max_age=Duration.seconds(CORS_SECONDS),
            )
            if origins
            else None,
        )

    def _build_stage(self) -> None:
        logs = build_log_group(
            self, "requests", name=f"/aws/vendedlogs/{self._api.name}", days=self._deployment.log_days
        )
        stage = apigateway.HttpStage(
            self,
            "stage",
            http_api=self.gateway,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=self._deployment.api_rate, burst_limit=BURST_SECONDS * self._deployment.api_rate
            ),
        )
        resource = stage.node.default_child
        assert isinstance(resource, apigateway.CfnStage)
        resource.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=logs.log_group_arn, format=json.dumps(LOGGED)
        )
