"""One logger, tracer and metrics for all functions; configured by the POWERTOOLS_ variables of each."""

from aws_lambda_powertools import Logger, Metrics, Tracer

logger = Logger(log_uncaught_exceptions=True)
tracer = Tracer(disabled=None, patch_modules=None)
metrics = Metrics()
