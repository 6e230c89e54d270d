"""What Telegram says when something goes wrong."""

from __future__ import annotations

import json

from fakes.faults import Reply


def too_fast(retry_after: int = 1) -> Reply:
    """429 as documented; who calls again too early is noted as a violation."""
    answer = {
        "ok": False, "error_code": 429, "description": f"Too Many Requests: retry after {retry_after}",
        "parameters": {"retry_after": retry_after},
    }  # fmt: skip
    return Reply(429, json.dumps(answer).encode(), retry_after=retry_after)


def broken(status: int = 500) -> Reply:
    """A 5xx in JSON."""
    answer = {"ok": False, "error_code": status, "description": "Internal Server Error"}
    return Reply(status, json.dumps(answer).encode())
