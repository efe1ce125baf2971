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
    def payload(self, request: AWSRequest) -> str:
        return f"{KIND}-TRAILER" if "x-amz-trailer" in request.headers else KIND


def chunked_request(
    url: str, chunks: Sequence[bytes], key: str, secret: str, trailer: str = ""
) -> tuple[dict[str, str], bytes]:
    """Headers and body. A trailer is `name:value`."""
    size = sum(map(len, chunks))
    said = {"x-amz-decoded-content-length": str(size), "content-encoding": "aws-chunked"}
    if trailer:
        said["x-amz-trailer"] = trailer.partition(":")[0]
    request = AWSRequest("PUT", url, headers=said)
    _Auth(Credentials(key, secret), "s3", "us-east-1").add_auth(request)
    headers = dict(request.headers.items())
    date = request.context["timestamp"]
    key_of_day, scope = _signing_key(secret, date[:8]), f"{date[:8]}/us-east-1/s3/aws4_request"
    previous = headers["Authorization"].rpartition("Signature=")[2]

    def sign(kind: str, *covered: str) -> str:
        text = "\n".join((f"AWS4-HMAC-SHA256-{kind}", date, scope, previous, *covered))
        return hmac.new(key_of_day, text.encode(), hashlib.sha256).hexdigest()

    body = b""
    for chunk in (*chunks, b""):
        previous = sign("PAYLOAD", EMPTY, hashlib.sha256(chunk).hexdigest())
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + (b"\r\n" if chunk else b"")
    if trailer:
        previous = sign("TRAILER", hashlib.sha256(f"{trailer}\n".encode()).hexdigest())
        body += f"{trailer}\r\nx-amz-trailer-signature:{previous}\r\n".encode()
    return headers, body + b"\r\n"


def _signing_key(secret: str, date: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, "us-east-1", "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
