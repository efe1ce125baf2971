"""One logger and one set of metrics for all functions; configured by the POWERTOOLS_ variables of each."""

from aws_lambda_powertools import Logger, Metrics

logger = Logger(log_uncaught_exceptions=True)
metrics = Metrics()
