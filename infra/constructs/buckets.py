"""The three buckets: private, TLS only, encrypted, with a lifetime, and the notifications to the queues."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.queues import Queues
from infra.nag import acknowledge
from rollcall.pipeline.description import (
    CORS_HEADERS,
    CORS_SECONDS,
    EXPOSED_HEADERS,
    Bucket,
    Notification,
    Pipeline,
)

NO_ACCESS_LOGS = (
    "S3's access logs come late and incomplete, and would keep the names of people's files longer than the files."
    " Who read what is CloudTrail's to record (docs/deploy.md), where an account records it for all its buckets."
)


class Buckets(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: Pipeline,
        queues: Queues,
        key: kms.IKey | None,
        retained: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        for bucket in pipeline.buckets:
            passing = bucket.role == "stage-1"  # holds nothing that cannot be made again
            built = s3.Bucket(
                self,
                bucket.role,
                bucket_name=bucket.name,
                versioned=bucket.versioned,
                encryption=s3.BucketEncryption.S3_MANAGED if key is None else s3.BucketEncryption.KMS,
                encryption_key=key,
                bucket_key_enabled=None if key is None else True,
                block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
                object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
                enforce_ssl=True,
                lifecycle_rules=[_lifecycle(bucket)],
                cors=[_upload_forms(bucket)] if bucket.form_origins else None,
                removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
                if retained and not passing
                else RemovalPolicy.DESTROY,
            )
            acknowledge(built, "AwsSolutions-S1", NO_ACCESS_LOGS)
            _notify(built, bucket, queues)


def _lifecycle(bucket: Bucket) -> s3.LifecycleRule:
    lifetime = None if bucket.expire_days is None else Duration.days(bucket.expire_days)
    cleanup = Duration.days(bucket.replaced_days)
    return s3.LifecycleRule(
        id="lifetime",
        expiration=lifetime,
        # an expiration by days takes delete markers with nothing behind them along
        expired_object_delete_marker=True if bucket.versioned and lifetime is None else None,
        noncurrent_version_expiration=cleanup if bucket.versioned else None,
        abort_incomplete_multipart_upload_after=cleanup,
    )


def _upload_forms(bucket: Bucket) -> s3.CorsRule:
    return s3.CorsRule(
        allowed_origins=list(bucket.form_origins),
        allowed_methods=[s3.HttpMethods.POST],
        allowed_headers=list(CORS_HEADERS),
        exposed_headers=list(EXPOSED_HEADERS),
        max_age=CORS_SECONDS,
    )


def _notify(built: s3.Bucket, bucket: Bucket, queues: Queues) -> None:
    """Notifications on the resource itself: the L2 way would run a custom resource with a Lambda function."""
    if not bucket.notifications:
        return
    resource = built.node.default_child
    assert isinstance(resource, s3.CfnBucket)
    resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        queue_configurations=[_configuration(notification, queues) for notification in bucket.notifications]
    )
    for notification in bucket.notifications:  # S3 tries to send when the notification is set up
        resource.add_resource_dependency(queues.notification_policies[notification.queue])


def _configuration(notification: Notification, queues: Queues) -> s3.CfnBucket.QueueConfigurationProperty:
    rules = [s3.CfnBucket.FilterRuleProperty(name="suffix", value=notification.suffix)]
    return s3.CfnBucket.QueueConfigurationProperty(
        event="s3:ObjectCreated:*",
        queue=queues.main[notification.queue].queue_arn,
        filter=s3.CfnBucket.NotificationFilterProperty(s3_key=s3.CfnBucket.S3KeyFilterProperty(rules=rules))
        if notification.suffix
        else None,
    )
