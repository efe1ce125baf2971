"""Reading results from the output bucket."""

from botocore.exceptions import ClientError

from rollcall.api.services import Services
from rollcall.contracts.object_keys import result_key
from rollcall.contracts.s3_absence import is_gone

_NO_KEY = {"KeyTooLongError", "InvalidURI"}  # no upload can have such a key


def fetch_result(services: Services, key: str) -> bytes | None:
    """None where there is none; one that is still to be written is written first."""
    if services.archive is not None and services.archive.has(key):
        services.archive.flush()
    try:
        answer = services.s3.get_object(Bucket=services.settings.output_bucket, Key=result_key(key))
    except ClientError as error:
        if is_gone(error) or error.response["Error"]["Code"] in _NO_KEY:
            return None
        raise
    with answer["Body"] as body:
        return body.read()
