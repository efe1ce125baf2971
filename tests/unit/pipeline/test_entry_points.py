"""What an image starts is what this machine starts: functions/ adds nothing of its own."""

import importlib
from typing import Any

import pytest

from rollcall.pipeline.description import ENTRY_POINTS, describe
from rollcall.pipeline.settings import Settings


def found(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize(("handler", "entry_point"), ENTRY_POINTS.items())
def test_an_image_starts_the_handler_of_the_package(handler: str, entry_point: str) -> None:
    assert found(entry_point) is found(handler)


def test_every_function_has_an_entry_point_in_the_folder_of_its_component() -> None:
    pipeline = describe(Settings(api="lambda"))

    for function in pipeline.functions:
        assert ENTRY_POINTS[function.handler] == f"functions.{function.component}.handler.handler"
    assert pipeline.api is not None and pipeline.authorizer is not None
    assert {pipeline.api.handler, pipeline.authorizer.handler} <= ENTRY_POINTS.keys()
