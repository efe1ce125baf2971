"""A running deployment and the `rollcall` command beside it."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rollcall.contracts.object_keys import result_key
from rollcall.local.cloud import LocalCloud
from rollcall.pipeline.description import describe
from rollcall.pipeline.settings import Settings
from tests.commands import Ended, run_here
from tests.integration.throwaway import until

PREFIX = "dep"


@dataclass(frozen=True)
class RunningDeployment:
    cloud: LocalCloud
    log_dir: Path

    def rollcall(self, *arguments: str | Path, code: int = 0) -> str:
        """What the command says on stdout; on stderr where it is expected to fail."""
        answer = run_rollcall(*arguments, environment=self.environment())
        assert answer.returncode == code, answer.stderr
        assert "Traceback" not in answer.stderr
        return answer.stdout if code == 0 else answer.stderr

    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.cloud.endpoint_url,
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "thing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "ROLLCALL_PREFIX": PREFIX,
        }

    def upload(self, key: str, body: bytes) -> None:
        self.cloud.client("s3").put_object(Bucket=f"{PREFIX}-input", Key=key, Body=body)

    def output(self, key: str) -> bytes | None:
        s3 = self.cloud.client("s3")
        listed = s3.list_objects_v2(Bucket=f"{PREFIX}-output", Prefix=key).get("Contents", [])
        if key not in {item["Key"] for item in listed}:
            return None
        return s3.get_object(Bucket=f"{PREFIX}-output", Key=key)["Body"].read()

    def until_status(self, key: str, status: str) -> dict[str, Any]:
        """Wait for the result of this upload to say so."""
        name = result_key(key)

        def result() -> dict[str, Any] | None:
            body = self.output(name)
            found: dict[str, Any] | None = None if body is None else json.loads(body)
            return found if found is not None and found["status"] == status else None

        found = until(result)
        assert found is not None
        return found

    def waiting(self, queue: str) -> int:
        sqs = self.cloud.client("sqs")
        url = sqs.get_queue_url(QueueName=f"{PREFIX}-{queue}")["QueueUrl"]
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(counts["Attributes"]["ApproximateNumberOfMessages"])

    def log_lines(self) -> list[dict[str, Any]]:
        """The functions' own JSON lines."""
        lines = [line for path in sorted(self.log_dir.glob("*.log")) for line in path.read_text().splitlines()]
        return [json.loads(line) for line in lines if line.startswith("{")]


@contextmanager
def running_deployment(model_dir: Path, log_dir: Path) -> Iterator[RunningDeployment]:
    environment = {"ROLLCALL_MODEL_DIR": str(model_dir), "ATTEMPTS": "1"}  # what fails shall be told of soon
    with LocalCloud(describe(Settings(prefix=PREFIX)), log_dir=log_dir, extra_environment=environment) as cloud:
        yield RunningDeployment(cloud, log_dir)


def run_rollcall(*arguments: str | Path, environment: Mapping[str, str], cwd: Path | None = None) -> Ended:
    """An environment with nothing of the user's own AWS configuration."""
    nothing = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],  # where the model files are
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return run_here(*arguments, environment=nothing | dict(environment), cwd=cwd)
