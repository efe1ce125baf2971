"""Which function does which operation. What is not here answers NotImplemented with its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rollcall.local.store.s3 import deletion
from rollcall.local.store.s3 import object_listing as listing
from rollcall.local.store.s3 import object_reads as reads
from rollcall.local.store.s3 import object_writes as writes
from rollcall.local.store.s3.bucket_settings import bucket_answers, cors, lifecycle, notifications, tagging
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
    "CreateBucket": bucket_answers.create_bucket,
    "CreateMultipartUpload": multipart.create_multipart_upload,
    "DeleteBucket": bucket_answers.delete_bucket,
    "DeleteBucketCors": bucket_answers.setter(cors.KIND, lambda _call: None),
    "DeleteBucketLifecycle": bucket_answers.setter(lifecycle.KIND, lambda _call: None),
    "DeleteBucketTagging": bucket_answers.setter("tagging", lambda _call: None),
    "DeleteObject": deletion.delete_object,
    "DeleteObjectTagging": tagging.delete_object_tagging,
    "DeleteObjects": deletion.delete_objects,
    "DeletePublicAccessBlock": bucket_answers.setter(PUBLIC_ACCESS, lambda _call: None),
    "GetBucketAccelerateConfiguration": bucket_answers.nothing,
    "GetBucketAcl": bucket_answers.get_acl,
    "GetBucketCors": bucket_answers.getter(cors.KIND, "NoSuchCORSConfiguration", lambda rules: {"CORSRules": rules}),
    "GetBucketEncryption": bucket_answers.missing("ServerSideEncryptionConfigurationNotFoundError"),
    "GetBucketLifecycleConfiguration": bucket_answers.getter(
        lifecycle.KIND, "NoSuchLifecycleConfiguration", lambda rules: {"Rules": rules}
    ),
    "GetBucketLocation": bucket_answers.get_bucket_location,
    "GetBucketLogging": bucket_answers.nothing,
    "GetBucketNotificationConfiguration": notifications.get_configuration,
    "GetBucketOwnershipControls": bucket_answers.get_ownership_controls,
    "GetBucketPolicy": bucket_answers.missing("NoSuchBucketPolicy"),
    "GetBucketPolicyStatus": bucket_answers.missing("NoSuchBucketPolicy"),
    "GetBucketReplication": bucket_answers.missing("ReplicationConfigurationNotFoundError"),
    "GetBucketRequestPayment": bucket_answers.get_bucket_request_payment,
    "GetBucketTagging": tagging.get_bucket_tagging,
    "GetBucketVersioning": bucket_answers.get_bucket_versioning,
    "GetBucketWebsite": bucket_answers.missing("NoSuchWebsiteConfiguration"),
    "GetObject": reads.get_object,
    "GetObjectAcl": bucket_answers.get_acl,
    "GetObjectAttributes": reads.get_object_attributes,
    "GetObjectLockConfiguration": bucket_answers.missing("ObjectLockConfigurationNotFoundError"),
    "GetObjectTagging": tagging.get_object_tagging,
    "GetPublicAccessBlock": bucket_answers.getter(
        PUBLIC_ACCESS,
        "NoSuchPublicAccessBlockConfiguration",
        lambda block: {"PublicAccessBlockConfiguration": block},
    ),
    "HeadBucket": bucket_answers.head_bucket,
    "HeadObject": reads.head_object,
    "ListBuckets": listing.list_buckets,
    "ListMultipartUploads": listing.list_multipart_uploads,
    "ListObjectVersions": listing.list_object_versions,
    "ListObjects": listing.list_objects,
    "ListObjectsV2": listing.list_objects_v2,
    "ListParts": multipart.list_parts,
    "PutBucketAcl": bucket_answers.put_acl,
    "PutBucketCors": bucket_answers.setter(cors.KIND, bucket_answers.cors_rules),
    "PutBucketLifecycleConfiguration": bucket_answers.setter(lifecycle.KIND, lifecycle.rules_of),
    "PutBucketNotificationConfiguration": notifications.put_configuration,
    "PutBucketOwnershipControls": bucket_answers.put_ownership_controls,
    "PutBucketTagging": tagging.put_bucket_tagging,
    "PutBucketVersioning": bucket_answers.put_bucket_versioning,
    "PutObject": writes.put_object,
    "PutObjectAcl": bucket_answers.put_acl,
    "PutObjectTagging": tagging.put_object_tagging,
    "PutPublicAccessBlock": bucket_answers.setter(PUBLIC_ACCESS, bucket_answers.public_access_block),
    "UploadPart": multipart.upload_part,
    "UploadPartCopy": multipart.upload_part_copy,
}
