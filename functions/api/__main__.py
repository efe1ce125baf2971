"""The HTTP API as a server, in its image: `python -m rollcall.api`."""

from rollcall.api.__main__ import main

if __name__ == "__main__":
    main()
