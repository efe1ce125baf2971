"""How long a message that failed stays hidden before it comes again.

By default that is as long as its queue says, which has to be longer than any invocation: up to 90 minutes.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from mypy_boto3_sqs import SQSClient

SECONDS = (15, 60, 240)  # by delivery: a service that fails for a minute must not cost a message all its attempts


def back_off_seconds(deliveries: int) -> int:
    return SECONDS[min(deliveries, len(SECONDS)) - 1]


def back_off(sqs: "SQSClient", record: "SQSRecord") -> None:
    queue = record.event_source_arn.rpartition(":")[2]
    sqs.change_message_visibility(
        QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"],
        ReceiptHandle=record.receipt_handle,
        VisibilityTimeout=back_off_seconds(int(record.attributes.approximate_receive_count)),
    )
