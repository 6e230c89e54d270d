"""What Slack says when something goes wrong.

For :class:`~fakes.faults.Faults` posts to a `response_url` are calls of `response_url`, handshakes of Socket Mode those
of `socket`.
"""

from __future__ import annotations

import json

from fakes.faults import Reply


def too_fast(retry_after: int | None = 1) -> Reply:
    """429 with `Retry-After`; who calls again too early is noted as a violation. None: without the header."""
    body = json.dumps({"ok": False, "error": "ratelimited"}).encode()
    return Reply(429, body, retry_after=retry_after or 0)


def refusing(error: str, **fields: object) -> Reply:
    """The Web API's way to refuse: 200, and *error* in the body."""
    return Reply(200, json.dumps({"ok": False, "error": error, **fields}).encode())


def broken(status: int = 500) -> Reply:
    """A 5xx in JSON."""
    return Reply(status, json.dumps({"ok": False, "error": "internal_error"}).encode())
