"""The HTTP API of API Gateway."""

import re
from collections.abc import Iterator

from infra.rules.rule import Rule, Stack, rule

API = "AWS::ApiGatewayV2::Api"
AUTHORIZER = "AWS::ApiGatewayV2::Authorizer"
INTEGRATION = "AWS::ApiGatewayV2::Integration"
ROUTE = "AWS::ApiGatewayV2::Route"
STAGE = "AWS::ApiGatewayV2::Stage"
PERMISSION = "AWS::Lambda::Permission"
FUNCTION = "AWS::Lambda::Function"
GATEWAY = "apigateway.amazonaws.com"
TIMEOUT = (50, 30_000)  # milliseconds
LONGEST_CACHE = 3600  # seconds
METHODS = "ANY|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT"


@rule("apigateway/latest/developerguide/http-api-develop-routes.html", ROUTE, INTEGRATION)
def routes_have_a_key_and_an_integration(stack: Stack) -> Iterator[str]:
    for name, route in stack.of(ROUTE):
        if not re.fullmatch(rf"\$default|({METHODS}) /\S*", route["RouteKey"]):
            yield f"{name} has the key {route['RouteKey']!r}"
        if not stack.named(route.get("Target"), INTEGRATION):
            yield f"{name} leads to no integration of this stack"


@rule("apigateway/latest/developerguide/http-api-access-control.html", ROUTE, AUTHORIZER)
def routes_name_the_authorizer_that_their_type_needs(stack: Stack) -> Iterator[str]:
    for name, route in stack.of(ROUTE):
        needed = route.get("AuthorizationType", "NONE") in ("CUSTOM", "JWT")
        if needed != bool(stack.named(route.get("AuthorizerId"), AUTHORIZER)):
            yield f"{name} has the type {route.get('AuthorizationType')} and not the authorizer to it"


@rule("apigateway/latest/developerguide/http-api-quotas.html", INTEGRATION)
def integrations_answer_in_time(stack: Stack) -> Iterator[str]:
    for name, integration in stack.of(INTEGRATION):
        if not TIMEOUT[0] <= integration.get("TimeoutInMillis", TIMEOUT[1]) <= TIMEOUT[1]:
            yield f"{name} has a timeout of {integration['TimeoutInMillis']} ms"


@rule("apigateway/latest/developerguide/http-api-quotas.html", INTEGRATION, FUNCTION)
def functions_behind_the_gateway_end_before_it_gives_up(stack: Stack) -> Iterator[str]:
    for _, integration in stack.of(INTEGRATION):
        for function in stack.named(integration["IntegrationUri"], FUNCTION):
            timeout = stack.resources[function]["Properties"]["Timeout"]
            if 1000 * timeout > integration.get("TimeoutInMillis", TIMEOUT[1]):
                yield f"{function} may take {timeout} s, longer than the gateway waits"


@rule("apigateway/latest/developerguide/http-api-develop-integrations-lambda.html", INTEGRATION)
def integrations_of_functions_name_their_payload(stack: Stack) -> Iterator[str]:
    for name, integration in stack.of(INTEGRATION):
        if integration["IntegrationType"] == "AWS_PROXY" and integration.get("PayloadFormatVersion") != "2.0":
            yield f"{name} does not say PayloadFormatVersion 2.0, which the API's code reads"


@rule("apigateway/latest/developerguide/http-api-lambda-authorizer.html", AUTHORIZER)
def authorizers_cache_only_what_they_can_tell_apart(stack: Stack) -> Iterator[str]:
    for name, authorizer in stack.of(AUTHORIZER):
        seconds = authorizer.get("AuthorizerResultTtlInSeconds", 0)
        if not 0 <= seconds <= LONGEST_CACHE or (seconds and not authorizer.get("IdentitySource")):
            yield f"{name} keeps answers for {seconds} s, by {authorizer.get('IdentitySource')}"
        if authorizer.get("EnableSimpleResponses") and authorizer.get("AuthorizerPayloadFormatVersion") != "2.0":
            yield f"{name} gives simple answers, which need AuthorizerPayloadFormatVersion 2.0"


@rule("apigateway/latest/developerguide/http-api-cors.html", API)
def cors_names_origins_with_their_scheme(stack: Stack) -> Iterator[str]:
    for name, api in stack.of(API):
        cors = api.get("CorsConfiguration", {})
        for origin in cors.get("AllowOrigins", ()):
            if origin != "*" and not re.fullmatch(r"https?://[^/*]+", origin):
                yield f"{name} allows the origin {origin!r}"
        if cors.get("AllowCredentials") and "*" in cors.get("AllowOrigins", ()):
            yield f"{name} allows credentials to every origin"


@rule("lambda/latest/dg/services-apigateway.html", PERMISSION, INTEGRATION, AUTHORIZER)
def the_gateway_may_start_what_it_leads_to(stack: Stack) -> Iterator[str]:
    allowed = {
        function
        for _, permission in stack.of(PERMISSION)
        if permission["Principal"] == GATEWAY and permission["Action"] == "lambda:InvokeFunction"
        for function in stack.named(permission["FunctionName"], FUNCTION)
    }
    asked = [(name, each["IntegrationUri"]) for name, each in stack.of(INTEGRATION)]
    asked += [(name, each.get("AuthorizerUri")) for name, each in stack.of(AUTHORIZER)]
    for name, address in asked:
        if stack.named(address, FUNCTION) - allowed:
            yield f"{name} leads to a function that {GATEWAY} may not start"


@rule("lambda/latest/dg/permissions-function-services.html", PERMISSION)
def only_this_stacks_gateway_may_start_functions(stack: Stack) -> Iterator[str]:
    for name, permission in stack.of(PERMISSION):
        if permission["Principal"] == GATEWAY and not stack.named(permission.get("SourceArn"), API):
            yield f"{name} lets gateways of others start a function"


@rule("apigateway/latest/developerguide/http-api-stages.html", STAGE, API)
def the_default_stage_deploys_by_itself(stack: Stack) -> Iterator[str]:
    for name, _ in stack.of(API):
        stages = [stage for _, stage in stack.of(STAGE) if name in stack.named(stage["ApiId"])]
        if not any(stage["StageName"] == "$default" and stage.get("AutoDeploy") for stage in stages):
            yield f"{name} has no $default stage that deploys its routes"


@rule("AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html", STAGE, "AWS::Logs::LogGroup")
def access_logs_go_where_a_service_may_write(stack: Stack) -> Iterator[str]:
    """A resource policy holds 5,120 characters; groups under this name are covered by one entry of it."""
    for name, stage in stack.of(STAGE):
        for group in stack.named(stage.get("AccessLogSettings", {}).get("DestinationArn"), "AWS::Logs::LogGroup"):
            called = stack.filled(stack.resources[group]["Properties"]["LogGroupName"])
            if not called.startswith("/aws/vendedlogs/"):
                yield f"{name} logs to {called}; let it start with /aws/vendedlogs/"


RULES: tuple[Rule, ...] = (
    routes_have_a_key_and_an_integration,
    routes_name_the_authorizer_that_their_type_needs,
    integrations_answer_in_time,
    functions_behind_the_gateway_end_before_it_gives_up,
    integrations_of_functions_name_their_payload,
    authorizers_cache_only_what_they_can_tell_apart,
    cors_names_origins_with_their_scheme,
    the_gateway_may_start_what_it_leads_to,
    only_this_stacks_gateway_may_start_functions,
    the_default_stage_deploys_by_itself,
    access_logs_go_where_a_service_may_write,
)
