"""What Slack takes as a message or a view: judged by `slack_judge`, refused with Slack's own errors."""

from __future__ import annotations

import copy
from itertools import count
from typing import Any

from slack_judge import judge

from fakes.slack_schema import Refusal
from fakes.slack_world import Shape

_block_ids = count(1)


def check_message(method: str, params: Shape) -> list[Shape]:
    """The blocks of what is to be said, each with an id. Raises :class:`Refusal` with all of the judge's complaints."""
    said = {name: value for name, value in params.items() if name not in {"channel", "user", "ts"}}
    if complaints := judge({"method": method, "params": said}):
        raise _refusal(complaints)
    return _with_ids(params.get("blocks", []))


def check_view(view: Shape, *, kind: str) -> Shape:
    """The view, its blocks with ids. Raises :class:`Refusal`."""
    if view.get("type") != kind or not isinstance(view.get("blocks"), list):
        raise Refusal("invalid_arguments", f"a view of type {kind} with blocks is wanted [json-pointer:/view]")
    if complaints := judge({"method": "views.open", "params": {"view": view}}):
        raise Refusal("invalid_arguments", *complaints)
    return {**view, "blocks": _with_ids(view["blocks"])}


def _refusal(complaints: tuple[str, ...]) -> Refusal:
    for beginning, error in (("no_text", "no_text"), ("msg_blocks_too_long", "msg_blocks_too_long")):
        if any(one.startswith(beginning) for one in complaints):
            return Refusal(error, *complaints)
    if any(one.startswith("text: ") and one.endswith(" units") for one in complaints):
        return Refusal("msg_too_long", *complaints)
    if any("block" in one for one in complaints):
        return Refusal("invalid_blocks", *complaints, errors=list(complaints))
    return Refusal("invalid_arguments", *complaints)


def _with_ids(blocks: list[Any]) -> list[Shape]:
    """The blocks as Slack keeps them: those that were given no id get one."""
    return [{"block_id": f"b{next(_block_ids):04d}", **copy.deepcopy(block)} for block in blocks]
