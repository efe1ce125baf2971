"""`rollcall redrive`: have dead letters tried again."""

import argparse
import time

from rollcall.cli.deployment import Deployment, open_deployment
from rollcall.contracts.usage_error import UsageError
from rollcall.pipeline.roles import QUEUE_ROLES

POLL_SECONDS = 1.0


def execute(options: argparse.Namespace) -> int:
    with open_deployment(options) as deployment:
        for queue in options.queue or QUEUE_ROLES:
            print(f"{queue}: {redrive(deployment, queue)} messages sent back", flush=True)
    return 0


def redrive(deployment: Deployment, queue: str) -> int:
    source, target = deployment.queue_url(f"{queue}-dead-letters"), deployment.queue_url(queue)
    attributes = deployment.sqs.get_queue_attributes(
        QueueUrl=source, AttributeNames=["QueueArn", "ApproximateNumberOfMessages"]
    )["Attributes"]
    if attributes["ApproximateNumberOfMessages"] == "0":
        return 0
    # the functions put them there themselves, so SQS does not know from which queue they came
    arn = deployment.sqs.get_queue_attributes(QueueUrl=target, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    deployment.sqs.start_message_move_task(SourceArn=attributes["QueueArn"], DestinationArn=arn)
    return _moved(deployment, attributes["QueueArn"])


def _moved(deployment: Deployment, source_arn: str) -> int:
    """Waits for SQS to move the messages, and returns how many it moved."""
    while True:
        task = deployment.sqs.list_message_move_tasks(SourceArn=source_arn, MaxResults=1)["Results"][0]
        if task.get("Status") not in {"RUNNING", "CANCELLING"}:
            break
        time.sleep(POLL_SECONDS)
    if task.get("Status") != "COMPLETED":
        raise UsageError(
            f"SQS stopped moving messages of {source_arn}: {task.get('FailureReason', task.get('Status'))}"
        )
    return task.get("ApproximateNumberOfMessagesMoved", 0)
