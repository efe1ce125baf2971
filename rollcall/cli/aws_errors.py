"""Turns what AWS refuses into one sentence for the user, with what to do."""

from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

_DENIED = {"403", "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "UnauthorizedOperation"}
_BAD_CREDENTIALS = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_THROTTLED = {
    "503",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_MISSING = {
    "AWS.SimpleQueueService.NonExistentQueue",
    "NoSuchBucket",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
}

_WITHOUT_ANSWER: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (NoCredentialsError,),
        "no AWS credentials: set AWS_PROFILE, or run `aws configure`; for a local cloud use the `export` line that"
        " `rollcall up` prints",
    ),
    ((NoRegionError,), "no AWS region: set AWS_REGION, or `region` in your AWS profile"),
    ((ProfileNotFound, PartialCredentialsError), "AWS credentials cannot be used: {}"),
    (
        (ConnectionError, HTTPClientError),
        "AWS cannot be reached: {}; check the network, and AWS_ENDPOINT_URL if it is set",
    ),
)

AWS_ERRORS = (BotoCoreError, ClientError, Boto3Error)


def explain(error: Exception, deployment: str) -> str:
    """`deployment`: its name in the sentence."""
    if isinstance(error, Boto3Error) and isinstance(error.__context__, Exception):
        return explain(error.__context__, deployment)  # a failed transfer hides what failed
    if isinstance(error, ClientError):
        return _explain_answer(error, deployment)
    for kinds, sentence in _WITHOUT_ANSWER:
        if isinstance(error, kinds):
            return sentence.format(error)
    return f"AWS: {error}"


def _explain_answer(error: ClientError, deployment: str) -> str:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if code in _MISSING:
        return f"no {deployment}: check --prefix or --stack, and the account and region in use"
    if code in _DENIED:
        return f"AWS denied {error.operation_name} on {deployment}: {message}; these credentials need that permission"
    if code in _BAD_CREDENTIALS:
        return f"AWS does not accept the credentials ({code}): sign in again, or choose others with AWS_PROFILE"
    if code in _THROTTLED:
        return f"AWS is throttling {error.operation_name} on {deployment}: wait a minute and run the command again"
    return f"AWS refused {error.operation_name} on {deployment}: {message} ({code})"
