"""What a small account is told before a deployment, and what it is given."""

from collections.abc import Callable

import boto3
import pytest
from botocore.stub import Stubber

from infra.quota import fit_quota
from rollcall.pipeline.deployment_settings import Deployment

Quota = Callable[..., str]


@pytest.fixture
def fitted() -> Quota:
    """The `max_concurrency` that is deployed in an account that may run so many more functions at one time."""

    def fit(free: int, **context: str) -> str:
        client = boto3.client("lambda", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
        with Stubber(client) as stub:
            limits = {"ConcurrentExecutions": free + 7, "UnreservedConcurrentExecutions": free}
            stub.add_response("get_account_settings", {"AccountLimit": limits})
            deployed = fit_quota(context, Deployment.from_context(context), client)
        return str(Deployment.from_context(deployed).max_concurrency)

    return fit


@pytest.mark.parametrize(
    ("free", "context", "deployed"),
    [
        (1000, {}, "10"),
        (30, {}, "10"),
        (10, {}, "3"),
        (10, {"api": "lambda"}, "2"),
        (3, {}, "2"),
        (1000, {"max_concurrency": "500"}, "333"),
        (10, {"compute": "fargate"}, "10"),  # the most workers as well
    ],
)
def test_an_account_gets_as_many_instances_as_it_may_run(
    free: int, context: dict[str, str], deployed: str, fitted: Quota
) -> None:
    assert fitted(free, **context) == deployed


def test_a_small_account_is_told_in_one_line(fitted: Quota, capsys: pytest.CaptureFixture[str]) -> None:
    fitted(10)

    (line,) = capsys.readouterr().out.splitlines()
    assert "may run 10 functions at one time" in line
    assert "max_concurrency is lowered from 10 to 3" in line
    assert "Service Quotas" in line


def test_a_large_account_is_told_nothing(fitted: Quota, capsys: pytest.CaptureFixture[str]) -> None:
    fitted(1000)

    assert capsys.readouterr().out == ""


def test_who_may_not_ask_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    client = boto3.client("lambda", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stub:
        stub.add_client_error("get_account_settings", "AccessDeniedException", http_status_code=403)

        assert fit_quota({}, Deployment(), client) == {}
    assert capsys.readouterr().out == ""
