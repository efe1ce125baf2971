"""Whose cloud this is: one account in one region, which stand in every ARN."""

ACCOUNT = "123456789012"
REGION = "us-east-1"
