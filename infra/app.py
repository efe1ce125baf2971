"""The CDK app: `python -m infra.app`, as cdk.json tells the CDK command, writes the template that is deployed."""

import importlib
import sys

from infra.node import use_packaged_node
from rollcall.pipeline.deployment_errors import BadSettings, FindingsLeft, Refused

USAGE_ERROR = 2


def main() -> None:
    use_packaged_node()
    try:
        importlib.import_module("infra.synthesis").synthesize()
    except BadSettings as error:
        print(f"These settings cannot be deployed (docs/deploy.md lists them all):\n{error}", file=sys.stderr)
        sys.exit(USAGE_ERROR)
    except (FindingsLeft, Refused) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
