"""Settings as pydantic's fields: of a function's environment, and of the CDK's context."""

from typing import Annotated, Any

from pydantic import Field

from rollcall.pipeline.settings import LEAST_THRESHOLD, MOST_THRESHOLD, Number, Quantity

Threshold = Annotated[float, Field(ge=LEAST_THRESHOLD, le=MOST_THRESHOLD)]


def variable(number: Number[Quantity]) -> Any:
    """A variable that the function needs: the description gives it."""
    return Field(alias=number.variable, ge=number.least, le=number.most)


def own_variable(number: Number[Quantity]) -> Any:
    """A variable that may be missing."""
    return Field(alias=number.variable, ge=number.least, le=number.most, default=number.default)


def context(number: Number[Quantity]) -> Any:
    """A key of the CDK's context."""
    return Field(default=number.default, ge=number.least, le=number.most, description=number.description)
