"""The account's quota of concurrent executions, looked at before a deployment: new accounts may run as few as ten."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from rollcall.pipeline.deployment_settings import Deployment
from rollcall.pipeline.description import Function

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

FEWEST = 2  # AWS's least for an event source
RAISE = (
    "To raise it, ask for more under Service Quotas, AWS Lambda, Concurrent executions (L-B99A9384), and deploy again."
)


def fit_quota(context: Mapping[str, Any], deployment: Deployment, aws_lambda: "LambdaClient") -> Mapping[str, Any]:
    """The context to deploy with; says in one line what it changes, and is silent where AWS does not tell."""
    free = _free(aws_lambda)
    described = deployment.describe(default_prefix="rollcall")
    functions = [function for function in described.functions if function.compute == "lambda"]
    if free is None or free >= _most(functions):
        return context
    told = f"This account may run {free} functions at one time, and these may ask for {_most(functions)}."
    fitting = max(FEWEST, free // (len(functions) + (deployment.api == "lambda")))
    if deployment.compute != "lambda" or fitting >= deployment.max_concurrency:
        # on Fargate the setting is also the most workers, which no quota of functions holds back
        print(f"{told} At busy times they wait for each other; nothing but time is lost. {RAISE}")
        return context
    print(f"{told} max_concurrency is lowered from {deployment.max_concurrency} to {fitting}. {RAISE}")
    return {**context, "max_concurrency": str(fitting)}


def _most(functions: list[Function]) -> int:
    return sum(function.max_concurrency for function in functions)


def _free(aws_lambda: "LambdaClient") -> int | None:
    """The quota less what other functions reserve; None for a caller who may not ask."""
    try:
        return aws_lambda.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    except (BotoCoreError, ClientError, KeyError):
        return None
