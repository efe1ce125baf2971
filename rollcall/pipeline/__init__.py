"""The pipeline as a description: its parts, its settings and how it scales. Nothing here needs the CDK."""
