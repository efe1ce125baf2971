"""A request whose body is sent in signed chunks, as some SDKs do it; boto3 does not.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

import hashlib
import hmac
from collections.abc import Sequence

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KIND = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
EMPTY = hashlib.sha256(b"").hexdigest()


class _Auth(S3SigV4Auth):
    def payload(self, _request: AWSRequest) -> str:
        return KIND


def chunked_request(url: str, chunks: Sequence[bytes], key: str, secret: str) -> tuple[dict[str, str], bytes]:
    """Headers and body."""
    size = sum(map(len, chunks))
    said = {"x-amz-decoded-content-length": str(size), "content-encoding": "aws-chunked"}
    request = AWSRequest("PUT", url, headers=said)
    _Auth(Credentials(key, secret), "s3", "us-east-1").add_auth(request)
    headers = dict(request.headers.items())
    previous = headers["Authorization"].rpartition("Signature=")[2]
    date = request.context["timestamp"]
    body = b""
    for chunk in (*chunks, b""):
        text = "\n".join(
            (
                "AWS4-HMAC-SHA256-PAYLOAD",
                date,
                f"{date[:8]}/us-east-1/s3/aws4_request",
                previous,
                EMPTY,
                hashlib.sha256(chunk).hexdigest(),
            )
        )
        previous = hmac.new(_signing_key(secret, date[:8]), text.encode(), hashlib.sha256).hexdigest()
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + b"\r\n"
    return headers, body


def _signing_key(secret: str, date: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, "us-east-1", "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
