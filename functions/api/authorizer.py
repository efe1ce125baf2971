"""The entry point of the authorizer of API Gateway, in the image of the API."""

from rollcall.api.authorizer import handler

__all__ = ["handler"]
