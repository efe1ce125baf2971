"""`python -m rollcall`: the command."""

import sys

from rollcall.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
