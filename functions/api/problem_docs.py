"""How the OpenAPI document describes errors."""

from http import HTTPStatus
from typing import Any

from functions.api.problems import MEDIA_TYPE, Problem

ALWAYS = (401, 403, 408, 429, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    schema = {"schema": Problem.model_json_schema()}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: schema}}
        for status in sorted({*ALWAYS, *statuses})
    }
