"""Ask the service on this machine whether it can answer queries; the exit status says so (the image's health check)."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request

#: Seconds to wait for the answer.
PATIENCE = 4.0


def main() -> int:
    """0 when the service on port CNTK_XQUERY_PORT of this machine is healthy, 1 when not."""
    address = f"http://127.0.0.1:{os.environ.get('CNTK_XQUERY_PORT') or 8000}/healthz"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=PATIENCE):
            return 0
    except (OSError, urllib.error.URLError) as error:
        print(f"{address}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
