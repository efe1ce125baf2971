"""Fetching a photo from the input bucket, within the bounds of one that is sent."""

from botocore.exceptions import ClientError

from rollcall.api.http_errors import BodyTooLarge, NotFound
from rollcall.api.services import Services
from rollcall.contracts.s3_absence import is_gone


async def fetch_photo(services: Services, key: str) -> bytes:
    return await services.photos.run(lambda: _fetch(services, key))


def _fetch(services: Services, key: str) -> bytes:
    most = services.settings.max_photo_bytes
    try:
        answer = services.s3.get_object(Bucket=services.settings.input_bucket, Key=key)
    except ClientError as error:
        if is_gone(error):
            raise NotFound("There is no such object in the input bucket.") from None
        raise
    with answer["Body"] as body:
        if answer["ContentLength"] > most:
            raise BodyTooLarge(f"The object is larger than {most / 1024**2:.3g} MiB, which is the limit.")
        return body.read()
