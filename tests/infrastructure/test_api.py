"""The HTTP API as it is deployed: closed by default, never open by plain HTTP, in each of its ways."""

from typing import Any

import pytest

from infra.template import Template
from rollcall.api.api_environment import Environment
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from tests.infrastructure.conftest import CERTIFICATE, DEFAULT_PREFIX, PLACE, WITH_API, Synthesize
from tests.infrastructure.read_back import read_back


def test_it_accepts_the_environment_that_it_is_given_and_takes_all_of_it(api_template: Template) -> None:
    api = read_back(api_template, prefix=DEFAULT_PREFIX).api
    assert api is not None

    accepted = Environment.model_validate(api.environment | {"ROLLCALL_MODEL_DIR": "/opt/models"})

    assert (accepted.auth, accepted.api_keys_table) == ("keys", f"{DEFAULT_PREFIX}-api-keys")
    taken = {field.alias for field in Environment.model_fields.values()}
    assert {name for name in api.environment if not name.startswith("POWERTOOLS_")} <= taken


def test_a_container_is_given_what_is_described(open_template: Template) -> None:
    described = describe(Settings(prefix=DEFAULT_PREFIX, api="container"))

    assert read_back(open_template, prefix=DEFAULT_PREFIX).api == described.api


def test_api_gateway_logs_no_path_and_lets_through_so_many(api_template: Template) -> None:
    (stage,) = api_template.properties("AWS::ApiGatewayV2::Stage")

    assert stage["DefaultRouteSettings"] == {"ThrottlingBurstLimit": 100, "ThrottlingRateLimit": 50}
    assert "$context.status" in stage["AccessLogSettings"]["Format"]
    assert "ath" not in stage["AccessLogSettings"]["Format"]


def test_signatures_are_asked_for_on_every_route_when_told_so(signed_template: Template) -> None:
    routes = list(signed_template.properties("AWS::ApiGatewayV2::Route"))
    assert {route["AuthorizationType"] for route in routes} == {"AWS_IAM"}
    assert {route["RouteKey"] for route in routes} == {
        f"{method} {path}" for method in ("GET", "POST", "PUT", "DELETE") for path in ("/", "/{proxy+}")
    }
    (gateway,) = signed_template.properties("AWS::ApiGatewayV2::Api")
    assert gateway["CorsConfiguration"]["AllowOrigins"] == ["https://a.example", "https://b.example"]
    # the Fetch standard: a wildcard never covers this one
    assert gateway["CorsConfiguration"]["AllowHeaders"] == ["*", "Authorization"]
    api = read_back(signed_template, prefix=DEFAULT_PREFIX).api
    assert api is not None
    assert api.environment["AUTH"] == "iam"


def test_a_key_is_checked_before_the_apis_function_on_every_route(api_template: Template) -> None:
    described = describe(Settings(prefix=DEFAULT_PREFIX, api="lambda"))
    (authorizer,) = api_template.properties("AWS::ApiGatewayV2::Authorizer")
    routes = list(api_template.properties("AWS::ApiGatewayV2::Route"))

    assert read_back(api_template, prefix=DEFAULT_PREFIX).authorizer == described.authorizer
    assert {route["AuthorizationType"] for route in routes} == {"CUSTOM"}
    assert authorizer["AuthorizerType"] == "REQUEST"
    assert authorizer["EnableSimpleResponses"] is True
    assert authorizer["AuthorizerPayloadFormatVersion"] == "2.0"
    assert described.authorizer is not None
    assert f":function:{described.authorizer.name}/" in authorizer["AuthorizerUri"]


def test_no_answer_is_cached_by_a_header_that_need_not_be_there(api_template: Template) -> None:
    """A key comes in one of two headers: API Gateway would refuse whoever does not send all that it caches by.

    Without any of them it would give one caller's answer to all."""
    (authorizer,) = api_template.properties("AWS::ApiGatewayV2::Authorizer")

    assert authorizer["AuthorizerResultTtlInSeconds"] == 0
    assert not authorizer.get("IdentitySource")


def test_strangers_write_no_logs_and_no_traces(api_template: Template) -> None:
    (function,) = (
        function
        for function in api_template.properties("AWS::Lambda::Function")
        if function["FunctionName"].endswith("-api-authorizer")
    )

    assert function["LoggingConfig"]["SystemLogLevel"] == "WARN"
    assert function.get("TracingConfig", {}).get("Mode") != "Active"


def test_signatures_need_no_function(signed_template: Template) -> None:
    assert list(signed_template.properties("AWS::ApiGatewayV2::Authorizer")) == []
    assert read_back(signed_template, prefix=DEFAULT_PREFIX).authorizer is None


def test_an_operator_may_reserve_and_bound_instances(synthesize: Synthesize) -> None:
    context = WITH_API | {"api_concurrency": "20", "api_authorizer_concurrency": "5"}
    template = Template(synthesize(context)[0], PLACE)

    reserved = {
        function["FunctionName"].removeprefix(f"{DEFAULT_PREFIX}-"): function.get("ReservedConcurrentExecutions")
        for function in template.properties("AWS::Lambda::Function")
    }
    assert reserved == {
        "video-split": None,
        "face-recognition": None,
        "lookup": None,
        "api": 20,
        "api-authorizer": 5,
    }


def test_the_same_pages_may_send_upload_forms_to_the_input_bucket_alone(signed_template: Template) -> None:
    buckets = read_back(signed_template, prefix=DEFAULT_PREFIX).buckets

    origins = {bucket.name.removeprefix(f"{DEFAULT_PREFIX}-"): bucket.form_origins for bucket in buckets}
    assert origins == {"input": ("https://a.example", "https://b.example"), "stage-1": (), "output": ()}


def test_no_page_may_read_answers_by_default(api_template: Template) -> None:
    (gateway,) = api_template.properties("AWS::ApiGatewayV2::Api")

    assert "CorsConfiguration" not in gateway


def test_with_a_certificate_the_world_may_ask_by_https_alone(open_template: Template) -> None:
    (listener,) = open_template.properties("AWS::ElasticLoadBalancingV2::Listener")
    (balancer,) = open_template.properties("AWS::ElasticLoadBalancingV2::LoadBalancer")

    assert (listener["Protocol"], listener["Port"]) == ("HTTPS", 443)
    assert listener["Certificates"] == [{"CertificateArn": CERTIFICATE}]
    assert balancer["Scheme"] == "internet-facing"
    assert _world(open_template) == {443}


def test_its_address_is_one_that_the_certificate_can_be_for(open_template: Template) -> None:
    (balancer,) = open_template.names("AWS::ElasticLoadBalancingV2::LoadBalancer")

    assert open_template.output("ApiUrl") == "https://faces.example.org"
    assert open_template.output("ApiBalancer") == balancer


def test_inside_a_network_its_address_is_the_load_balancers(internal_template: Template) -> None:
    (balancer,) = internal_template.names("AWS::ElasticLoadBalancingV2::LoadBalancer")

    assert internal_template.output("ApiUrl") == f"http://{balancer}"


def test_without_one_only_private_addresses_reach_it(internal_template: Template) -> None:
    (listener,) = internal_template.properties("AWS::ElasticLoadBalancingV2::Listener")
    (balancer,) = internal_template.properties("AWS::ElasticLoadBalancingV2::LoadBalancer")

    assert listener["Protocol"] == "HTTP"
    assert balancer["Scheme"] == "internal"
    assert _world(internal_template) == set()


def _world(template: Template) -> set[int]:
    """Ports that anybody reaches."""
    rules = [
        rule
        for group in template.properties("AWS::EC2::SecurityGroup")
        for rule in group.get("SecurityGroupIngress", ())
    ]
    rules += list(template.properties("AWS::EC2::SecurityGroupIngress"))
    return {rule["FromPort"] for rule in rules if rule.get("CidrIp") == "0.0.0.0/0"}


@pytest.mark.parametrize("kind", ["open", "internal"])
def test_a_task_can_write_nothing_and_is_not_root(kind: str, request: pytest.FixtureRequest) -> None:
    template: Template = request.getfixturevalue(f"{kind}_template")
    (task,) = (task for task in template.properties("AWS::ECS::TaskDefinition") if task["Family"].endswith("-api"))
    (container,) = task["ContainerDefinitions"]
    (group,) = template.properties("AWS::ElasticLoadBalancingV2::TargetGroup")

    assert container["EntryPoint"] == ["/usr/bin/python3", "-m", "functions.api"]
    assert container["Command"] == ["--host", "0.0.0.0", "--port", "8000"]
    assert (container["User"], container["ReadonlyRootFilesystem"]) == ("1000:1000", True)
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert int(task["Memory"]) >= 2048
    assert (group["HealthCheckPath"], group["Port"]) == ("/healthz", 8000)


def test_by_default_there_is_nothing_of_it_but_the_table_of_its_keys(default_template: Template) -> None:
    template = default_template
    kinds: list[dict[str, Any]] = [
        *template.properties("AWS::ApiGatewayV2::Api"),
        *template.properties("AWS::ElasticLoadBalancingV2::LoadBalancer"),
    ]

    assert kinds == []
    assert read_back(template, prefix=DEFAULT_PREFIX).api is None
    assert not [alarm for alarm in template.properties("AWS::CloudWatch::Alarm") if "-api-" in alarm["AlarmName"]]
