"""The local store: S3, SQS, DynamoDB and EventBridge on one port, kept in one folder."""
