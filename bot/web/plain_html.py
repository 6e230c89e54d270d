"""Plain text as a page shows it: as it is printed."""

from __future__ import annotations

from collections.abc import Sequence

from bot.platforms.base import Payload
from bot.web.markup import text
from bot.web.room import Asking


def printed(payloads: Sequence[Payload], _: Asking) -> str:
    """The texts of *payloads*, one beneath the other."""
    return "".join(f'<pre class="printed">{text(payload["params"]["text"])}</pre>' for payload in payloads)
