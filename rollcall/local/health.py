"""Whether `rollcall up` on this machine serves: the local AWS, and the HTTP API.

python -m rollcall.local.health [--port 4566] [--api-port 8000]     ends with 1 and one line for what does not serve
"""

import argparse
import ssl
import sys
import urllib.request
from http.client import HTTPException

SECONDS = 8.0  # for one answer
HOST = "127.0.0.1"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m rollcall.local.health", description=__doc__)
    parser.add_argument("--port", type=int, default=4566, help="of the local AWS (default: %(default)s)")
    parser.add_argument("--api-port", type=int, default=8000, help="of the HTTP API (default: %(default)s)")
    options = parser.parse_args()
    local_aws, api = f"{HOST}:{options.port}/_health", f"{HOST}:{options.api_port}/healthz"
    failed = [
        f"{name} does not serve ({reason})"
        for name, reason in (
            ("the local AWS", why_not(f"http://{local_aws}") and why_not(f"https://{local_aws}")),
            ("the HTTP API", why_not(f"http://{api}") and why_not(f"https://{api}")),
        )
        if reason is not None
    ]
    print("; ".join(failed) or "healthy")
    return 1 if failed else 0


def why_not(url: str, *, seconds: float = SECONDS) -> str | None:
    """None if it serves. Its certificate is for other names than this machine's own address, so it is not looked at."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with urllib.request.build_opener(*handlers).open(url, timeout=seconds):
            return None
    except (OSError, HTTPException) as error:
        return str(error) or type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
