"""The environment of a worker: what AWS would give it, and nothing of the machine it runs on."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rollcall.local.lambda_host.launch import Launch, in_this_python
from rollcall.local.store.credentials import Credentials
from rollcall.pipeline.description import Function

REGION = "us-east-1"
ACCOUNT = "123456789012"  # the store's, in every ARN
# on loopback the store checks no signature, but clients refuse to sign without keys
ACCESS_KEY = SECRET_KEY = "rollcall-local"
LOCAL_CREDENTIALS = Credentials(access_key=ACCESS_KEY, secret_key=SECRET_KEY)
RUNTIME_API_VARIABLE = "AWS_LAMBDA_RUNTIME_API"
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/bin:/opt/homebrew/bin"


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """The settings that all workers share."""

    endpoint_url: str
    task_root: Path  # from where handlers are imported
    extra_environment: Mapping[str, str] = field(default_factory=dict)
    region: str = REGION
    launch: Launch = in_this_python
    credentials: Credentials = LOCAL_CREDENTIALS


def worker_environment(
    function: Function, *, settings: WorkerSettings, runtime_api: str, scratch: Path
) -> dict[str, str]:
    """A worker's environment. Later entries win, the operator's extra ones last."""
    lambda_variables = {
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": scratch.name,
        RUNTIME_API_VARIABLE: runtime_api,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_ACCESS_KEY_ID": settings.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": settings.credentials.secret_key,
        "LAMBDA_TASK_ROOT": str(settings.task_root),
        "_HANDLER": function.handler,
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "PATH": f"{Path(sys.executable).parent}:{SYSTEM_PATH}",
    }
    local_variables = {
        "AWS_ENDPOINT_URL": settings.endpoint_url,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "PYTHONPATH": str(settings.task_root),  # AWS's runtime puts the task root on sys.path
    }
    return lambda_variables | local_variables | function.environment | dict(settings.extra_environment)
