"""A function as a long-running worker, in its image: `python -m rollcall.runtime.worker HANDLER`."""

import os
import sys

from rollcall.runtime.worker.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
