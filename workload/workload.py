"""Load generator: photos and videos, by HTTP or through a bucket, and a report. Start with `--help`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # so that it runs from a checkout without being installed
    from workload.cli import main

    sys.exit(main())
