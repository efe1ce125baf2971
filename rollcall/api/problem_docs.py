"""What the OpenAPI document says beyond the routes: errors, bodies that routes read themselves, and the request id.

It is written so that generated clients work; a test generates one.
"""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from rollcall.api.problems import MEDIA_TYPE, Problem
from rollcall.api.request_log import HEADER

ALWAYS = (401, 403, 408, 429, 503)
_REQUEST_ID = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string"},  # another one is made for what is too long: nothing is refused
    "description": "the request's id in the answer, in errors and in the log; one is made where there is none",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": reference(Problem)}}}
        for status in sorted({*ALWAYS, *statuses})
    }


def reference(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def document(app: FastAPI, *models: type[BaseModel]) -> dict[str, Any]:
    """`models`: the models that only references name."""
    described = get_openapi(title=app.title, version=app.version, routes=app.routes)
    referred: list[type[BaseModel]] = [Problem, *models]
    described["components"]["schemas"] |= {model.__name__: model.model_json_schema() for model in referred}
    for operations in described["paths"].values():
        for operation in operations.values():
            operation.setdefault("parameters", []).append(_REQUEST_ID)
    return described
