"""The order in which every command looks for the AWS region."""

from collections.abc import Mapping


def region_of(environment: Mapping[str, str]) -> str | None:
    """AWS_REGION, then AWS_DEFAULT_REGION; None leaves it to the profile. boto3 by itself does not read the first."""
    return environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or None
