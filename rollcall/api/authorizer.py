"""Lets API Gateway ask who holds a key before the API's own function is started: a stranger's request stops here.

The application checks the key again, with its scope and its rate. No body comes here, and nothing is logged of a key.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import TypedDict

from pydantic import BaseModel, ConfigDict, Field

from rollcall.api.api_keys import ApiKeyStore, given_key
from rollcall.runtime.function_clients import dynamodb


class Environment(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)  # all variables are its input, secrets too

    api_keys_table: str = Field(alias="API_KEYS_TABLE", min_length=1)


class Request(BaseModel):
    """API Gateway's event, format 2.0: the names of its headers are in lower case."""

    headers: dict[str, str] = Field(default_factory=dict)


class Answer(TypedDict):
    """What API Gateway calls a simple response."""

    isAuthorized: bool


@cache
def keys() -> ApiKeyStore:
    settings = Environment.model_validate(dict(os.environ))
    return ApiKeyStore(dynamodb().Table(settings.api_keys_table))


def handler(event: Mapping[str, object], _context: object) -> Answer:
    key = given_key(Request.model_validate(event).headers)
    return Answer(isAuthorized=keys().verify(key) is not None)
