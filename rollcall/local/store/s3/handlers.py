"""Which function does which operation. What is not here answers NotImplemented with its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rollcall.local.store.s3 import deletion
from rollcall.local.store.s3 import object_listing as listing
from rollcall.local.store.s3 import object_reads as reads
from rollcall.local.store.s3 import object_writes as writes
from rollcall.local.store.s3.bucket_settings import cors, lifecycle, notifications, settings, tagging
from rollcall.local.store.s3.call import Answer, Call
from rollcall.local.store.s3.files.assembly import PartInPlace
from rollcall.local.store.s3.uploads import completion, copying, multipart

Handler = Callable[[Call], Answer]
Place = Callable[[int | None], PartInPlace | None]  # for a body of that length
PUBLIC_ACCESS = "public-access-block"


@dataclass(frozen=True)
class UploadOperation:
    """`prepare` checks before the body is read. It tells a checksum that is wanted, and where the body may go."""

    prepare: Callable[[Call], tuple[str | None, Place]]


def _prepare_put(call: Call) -> tuple[str | None, Place]:
    writes.check_put(call)
    return None, lambda _length: None


def _prepare_part(call: Call) -> tuple[str | None, Place]:
    upload = multipart.check_part(call)
    return upload.algorithm, lambda length: call.storage.assemblies.place(upload.id, call.get("PartNumber"), length)


UPLOADS: Mapping[str, UploadOperation] = {
    "PutObject": UploadOperation(_prepare_put),
    "UploadPart": UploadOperation(_prepare_part),
}

HANDLERS: Mapping[str, Handler] = {
    "AbortMultipartUpload": multipart.abort_multipart_upload,
    "CompleteMultipartUpload": completion.complete_multipart_upload,
    "CopyObject": copying.copy_object,
    "CreateBucket": settings.create_bucket,
    "CreateMultipartUpload": multipart.create_multipart_upload,
    "DeleteBucket": settings.delete_bucket,
    "DeleteBucketCors": settings.setter(cors.KIND, lambda _call: None),
    "DeleteBucketLifecycle": settings.setter(lifecycle.KIND, lambda _call: None),
    "DeleteBucketTagging": settings.setter("tagging", lambda _call: None),
    "DeleteObject": deletion.delete_object,
    "DeleteObjectTagging": tagging.delete_object_tagging,
    "DeleteObjects": deletion.delete_objects,
    "DeletePublicAccessBlock": settings.setter(PUBLIC_ACCESS, lambda _call: None),
    "GetBucketAccelerateConfiguration": settings.nothing,
    "GetBucketAcl": settings.get_acl,
    "GetBucketCors": settings.getter(cors.KIND, "NoSuchCORSConfiguration", lambda rules: {"CORSRules": rules}),
    "GetBucketEncryption": settings.missing("ServerSideEncryptionConfigurationNotFoundError"),
    "GetBucketLifecycleConfiguration": settings.getter(
        lifecycle.KIND, "NoSuchLifecycleConfiguration", lambda rules: {"Rules": rules}
    ),
    "GetBucketLocation": settings.get_bucket_location,
    "GetBucketLogging": settings.nothing,
    "GetBucketNotificationConfiguration": notifications.get_configuration,
    "GetBucketOwnershipControls": settings.get_ownership_controls,
    "GetBucketPolicy": settings.missing("NoSuchBucketPolicy"),
    "GetBucketPolicyStatus": settings.missing("NoSuchBucketPolicy"),
    "GetBucketReplication": settings.missing("ReplicationConfigurationNotFoundError"),
    "GetBucketRequestPayment": settings.get_bucket_request_payment,
    "GetBucketTagging": tagging.get_bucket_tagging,
    "GetBucketVersioning": settings.get_bucket_versioning,
    "GetBucketWebsite": settings.missing("NoSuchWebsiteConfiguration"),
    "GetObject": reads.get_object,
    "GetObjectAcl": settings.get_acl,
    "GetObjectAttributes": reads.get_object_attributes,
    "GetObjectLockConfiguration": settings.missing("ObjectLockConfigurationNotFoundError"),
    "GetObjectTagging": tagging.get_object_tagging,
    "GetPublicAccessBlock": settings.getter(
        PUBLIC_ACCESS,
        "NoSuchPublicAccessBlockConfiguration",
        lambda block: {"PublicAccessBlockConfiguration": block},
    ),
    "HeadBucket": settings.head_bucket,
    "HeadObject": reads.head_object,
    "ListBuckets": listing.list_buckets,
    "ListMultipartUploads": listing.list_multipart_uploads,
    "ListObjectVersions": listing.list_object_versions,
    "ListObjects": listing.list_objects,
    "ListObjectsV2": listing.list_objects_v2,
    "ListParts": multipart.list_parts,
    "PutBucketAcl": settings.put_acl,
    "PutBucketCors": settings.setter(cors.KIND, settings.cors_rules),
    "PutBucketLifecycleConfiguration": settings.setter(lifecycle.KIND, lifecycle.rules_of),
    "PutBucketNotificationConfiguration": notifications.put_configuration,
    "PutBucketOwnershipControls": settings.put_ownership_controls,
    "PutBucketTagging": tagging.put_bucket_tagging,
    "PutBucketVersioning": settings.put_bucket_versioning,
    "PutObject": writes.put_object,
    "PutObjectAcl": settings.put_acl,
    "PutObjectTagging": tagging.put_object_tagging,
    "PutPublicAccessBlock": settings.setter(PUBLIC_ACCESS, settings.public_access_block),
    "UploadPart": multipart.upload_part,
    "UploadPartCopy": multipart.upload_part_copy,
}
