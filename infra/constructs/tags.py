"""The tags of everything in a deployment, so that a bill or a search finds it."""

from aws_cdk import Tags
from constructs import IConstruct

PROJECT = ("Project", "rollcall")
PREFIX = "rollcall:prefix"


def tag_everything(scope: IConstruct, prefix: str) -> None:
    """The stack itself goes without the prefix: account and region are not known yet where its own tags are written."""
    Tags.of(scope).add(*PROJECT)
    Tags.of(scope).add(PREFIX, prefix, exclude_resource_types=["aws:cdk:stack"])
