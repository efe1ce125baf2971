"""The queues before every function, each with its dead letters."""

from collections.abc import Mapping

from aws_cdk import Aws, CfnResource, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.nag import acknowledge
from rollcall.pipeline.description import Bucket, Pipeline, Queue, ResultsQueue

NO_DEAD_LETTERS = (
    "Announcements of results, which are in the bucket anyway: reading is optional; messages expire after a day."
)


class Queues(Construct):
    """`main` and `dead_letters`: queues by the name of the queue that a function reads."""

    def __init__(self, scope: Construct, construct_id: str, *, pipeline: Pipeline) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters: dict[str, sqs.Queue] = {}
        self.main: dict[str, sqs.Queue] = {}
        self.notification_policies: dict[str, CfnResource] = {}
        for queue in pipeline.queues:
            self._add(queue, role=queue.name.removeprefix(f"{pipeline.prefix}-"))
        if pipeline.results is not None:
            self._add_results(pipeline.results)
        for queue_name, buckets in _senders(pipeline).items():
            self._let_buckets_send(queue_name, buckets)

    def _add(self, queue: Queue, *, role: str) -> None:
        dead_letters = sqs.Queue(
            self,
            f"{role}-dead-letters",
            queue_name=queue.dead_letter_queue,
            retention_period=Duration.seconds(queue.dead_letter_retention_seconds),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.dead_letters[queue.name] = dead_letters
        self.main[queue.name] = sqs.Queue(
            self,
            role,
            queue_name=queue.name,
            visibility_timeout=Duration.seconds(queue.visibility_timeout),
            retention_period=Duration.seconds(queue.retention_seconds),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=queue.max_receive_count),
            # held by SQS: with a key of one's own, S3 could send only if that key's policy said so
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _add_results(self, results: ResultsQueue) -> None:
        """The results queue. It has no dead letters or alarms, because reading it is optional."""
        queue = sqs.Queue(
            self,
            "results",
            queue_name=results.name,
            retention_period=Duration.seconds(results.retention_seconds),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(queue, "AwsSolutions-SQS3", NO_DEAD_LETTERS)

    def _let_buckets_send(self, queue_name: str, buckets: list[Bucket]) -> None:
        queue = self.main[queue_name]
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="BucketsNotify",
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[queue.queue_arn],
                conditions={
                    # by name and not by reference: the bucket has to wait for this policy, so this cannot wait for it
                    "ArnEquals": {"aws:SourceArn": [f"arn:{Aws.PARTITION}:s3:::{bucket.name}" for bucket in buckets]},
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                },
            )
        )
        policy = queue.node.find_child("Policy").node.default_child
        assert isinstance(policy, CfnResource)
        self.notification_policies[queue_name] = policy


def _senders(pipeline: Pipeline) -> Mapping[str, list[Bucket]]:
    senders: dict[str, list[Bucket]] = {}
    for bucket in pipeline.buckets:
        for notification in bucket.notifications:
            senders.setdefault(notification.queue, []).append(bucket)
    return senders
