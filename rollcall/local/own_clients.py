"""Clients of the local cloud, whatever the user's own AWS configuration, profile or proxy says."""

import os
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config

from rollcall.local.lambda_host.process_environment import LOCAL_CREDENTIALS, REGION
from rollcall.local.store.credentials import Credentials

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource

CONNECTIONS = 64  # at once, of one client
_NO_FILE = (None, None, os.devnull, None)
_NOTHING: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": _NO_FILE,
    "credentials_file": _NO_FILE,
}


def create_client(
    service: str, endpoint_url: str, region: str = REGION, credentials: Credentials = LOCAL_CREDENTIALS
) -> Any:
    session = _session(region, credentials)
    return session.client(service, endpoint_url=endpoint_url, config=_config())  # type: ignore[call-overload]


def create_dynamodb(
    endpoint_url: str, region: str = REGION, credentials: Credentials = LOCAL_CREDENTIALS
) -> "DynamoDBServiceResource":
    return _session(region, credentials).resource("dynamodb", endpoint_url=endpoint_url, config=_config())


def _session(region: str, credentials: Credentials) -> boto3.Session:
    return boto3.Session(
        botocore_session=botocore.session.Session(session_vars=_NOTHING),
        region_name=region,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
    )


def _config() -> Config:
    return Config(proxies={}, max_pool_connections=CONNECTIONS)
