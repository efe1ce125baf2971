"""Asking the HTTP API of a deployment as its callers do: with an API key, or with a signature of IAM."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session
from urllib3 import encode_multipart_formdata

from rollcall.cli.deployment import USER_AGENT
from rollcall.cli.smoke.failure import SmokeTestFailed

SECONDS = 60
SHOWN = 200  # characters of an answer that says no
JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class HttpApi:
    """`key`: None if the API takes signatures."""

    url: str
    session: boto3.Session
    key: str | None
    http: URLLib3Session = field(init=False)

    def __post_init__(self) -> None:
        # the trust store and proxies of every AWS client
        authorities = self.session._session.get_config_variable("ca_bundle")
        object.__setattr__(self, "http", URLLib3Session(verify=authorities or True, timeout=SECONDS))

    def recognize(self, photo: bytes) -> Any:
        return self._json("POST", "/v1/recognize", photo, "image/jpeg")

    def ask_for_upload(self, content_type: str) -> Any:
        return self._json("POST", "/v1/videos", json.dumps({"content_type": content_type}).encode(), JSON)

    def upload(self, form: dict[str, Any], content: bytes) -> None:
        """Uploads to the input bucket by the form that the API has signed."""
        body, content_type = encode_multipart_formdata(form["fields"] | {"file": ("smoke", content)})
        self._send(AWSRequest("POST", form["url"], data=body, headers={"Content-Type": content_type}))

    def job(self, job: str) -> Any:
        return self._json("GET", f"/v1/jobs/{job}")

    def result(self, key: str) -> Any:
        return self._json("GET", f"/v1/results/{quote(key)}")

    def _json(self, method: str, path: str, body: bytes = b"", content_type: str | None = None) -> Any:
        request = AWSRequest(method, f"{self.url.rstrip('/')}{path}", data=body)
        if content_type is not None:
            request.headers["Content-Type"] = content_type
        if self.key is not None:
            request.headers["X-Api-Key"] = self.key
        else:
            credentials: Any = self.session.get_credentials()
            SigV4Auth(credentials, "execute-api", self.session.region_name).add_auth(request)
        return json.loads(self._send(request))

    def _send(self, request: AWSRequest) -> bytes:
        request.headers["User-Agent"] = USER_AGENT
        where = f"{request.method} {str(request.url).partition('?')[0]}"
        try:
            answer = self.http.send(request.prepare())
        except HTTPClientError as error:
            raise SmokeTestFailed(
                f"the API does not answer {where}: {error}; an API inside a VPC is there for that VPC alone"
                " (--no-api leaves it out)"
            ) from error
        if not 200 <= answer.status_code < 300:  # noqa: PLR2004
            told = answer.content[:SHOWN].decode(errors="replace")
            raise SmokeTestFailed(f"the API answers {where} with {answer.status_code}: {told}")
        return bytes(answer.content)
