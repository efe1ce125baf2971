"""The entry point of the HTTP API as a Lambda function, in its image."""

from rollcall.api.lambda_handler import handler

__all__ = ["handler"]
