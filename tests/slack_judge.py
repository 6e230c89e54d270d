"""What Slack would say to a call, offline, and what a reader would see of it.

Structure is judged by the types that Slack publishes (`slack_schema.py` made the JSON Schema), lengths by Slack's
documentation, and what no documentation says by what was met there: a message whose blocks hold more than about 12,000
characters is refused (slackapi/bolt-js, issues 2509 and 2867). Where Slack's way of counting is unknown, the judge
counts the more: UTF-16 units, addresses and values of buttons included.
"""

import functools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastjsonschema

MAX_BLOCKS = {"message": 50, "home": 100, "modal": 100}
MAX_CHARACTERS = 12_000
MAX_FALLBACK = 4_000
MAX_TITLE = 24
MAX_ID = 255
MAX_URL = 3_000
LENGTHS = {"header": 150, "button": 75, "value": 2_000, "text": 3_000, "option": 75, "placeholder": 150}
ELEMENTS = {"context": 10, "actions": 25}
METHODS = {"chat.postMessage", "chat.postEphemeral", "chat.update", "response_url", "views.open", "views.publish"}

_MENTION = re.compile(r"<([!@#][^>]*)>")
_SHOUT = re.compile(r"(?<![\w])@(?:here|channel|everyone)\b")
_LINK = re.compile(r"<((?:https?|mailto):[^|>]*)(?:\|([^>]*))?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt);)")
_ADDRESS = re.compile(r"https?://[^\s/?#@|<>]+\.[^\s|<>]+", re.IGNORECASE)
_PINGING = {"user": "@", "usergroup": "@", "channel": "#", "broadcast": "@", "team": "@"}

Payload = dict[str, Any]


# -- what Slack would say ----------------------------------------------------------------------------------------------


def judge(payload: Payload) -> tuple[str, ...]:
    """Complaints about one call (`{"method": …, "params": {…}}`), each with its place; none where all is well."""
    return tuple(_complaints(payload))


def _complaints(payload: Payload) -> Iterator[str]:
    method, params = payload.get("method"), payload.get("params", {})
    if set(payload) != {"method", "params"} or method not in METHODS:
        yield f"no call: {method!r} with {sorted(payload)}"
        return
    if "view" in params:
        yield from _view(params["view"])
        return
    yield from _fallback(params)
    if "blocks" in params:
        yield from _blocks(params["blocks"], MAX_BLOCKS["message"])
        if (taken := characters(params["blocks"])) > MAX_CHARACTERS:
            yield f"msg_blocks_too_long: {taken} characters"
    for name in ("unfurl_links", "unfurl_media"):
        if params.get(name) is not False:
            yield f"{name} is not off"
    if method == "response_url" and params.get("response_type") not in ("ephemeral", "in_channel"):
        yield f"response_type is {params.get('response_type')!r}"
    if not isinstance(params.get("thread_ts", ""), str):
        yield "thread_ts is no string"


def _fallback(params: Payload) -> Iterator[str]:
    text = params.get("text")
    if not isinstance(text, str) or not text.strip():
        yield "no_text: there is no fallback"
        return
    if units(text) > MAX_FALLBACK:
        yield f"text: {units(text)} units"
    yield from _parsed(text, "text")


def _view(view: Payload) -> Iterator[str]:
    kind = view.get("type")
    if kind not in ("home", "modal"):
        yield f"a view of type {kind!r}"
        return
    try:
        _validator("HomeView" if kind == "home" else "ModalView")(view)
    except fastjsonschema.JsonSchemaValueException as error:
        yield f"view: {error.message[:300]}"
    for name in ("title", "submit", "close"):
        if name in view and units(view[name]["text"]) > MAX_TITLE:
            yield f"view.{name}: {units(view[name]['text'])} units"
    if units(view.get("private_metadata", "")) > MAX_URL:
        yield "view.private_metadata is too long"
    if any(block.get("type") == "input" for block in view["blocks"]) and "submit" not in view:
        yield "view: inputs without a submit button"
    yield from _blocks(view["blocks"], MAX_BLOCKS[kind])


def _blocks(blocks: list[Payload], most: int) -> Iterator[str]:
    if not 1 <= len(blocks) <= most:
        yield f"{len(blocks)} blocks"
    for index, block in enumerate(blocks):
        for complaint in _block(block):
            yield f"blocks[{index}] ({block.get('type')}): {complaint}"
    for name in ("block_id", "action_id"):
        ids = [one[name] for one in objects(blocks) if name in one]
        if len(set(ids)) < len(ids):
            yield f"invalid_blocks: the same {name} twice"
        if any(not 1 <= units(one) <= MAX_ID for one in ids):
            yield f"invalid_blocks: {name} is empty or over {MAX_ID}"


def _block(block: Payload) -> Iterator[str]:
    kind = block.get("type", "")
    definition = "".join(word.capitalize() for word in kind.split("_")) + "Block"
    if definition not in _schema()["definitions"]:
        yield "no such block"
        return
    try:
        _validator(definition)(block)
    except fastjsonschema.JsonSchemaValueException as error:
        yield error.message[:300]
        return
    if kind in ELEMENTS and not 1 <= len(block["elements"]) <= ELEMENTS[kind]:
        yield f"{len(block['elements'])} elements"
    if kind == "header" and units(block["text"]["text"]) > LENGTHS["header"]:
        yield f"{units(block['text']['text'])} units"
    if kind == "rich_text":
        yield from _rich_text(block)
    for one in objects(block):
        yield from _object(one)


def _rich_text(block: Payload) -> Iterator[str]:
    if not block["elements"]:
        yield "no elements"
    for one in objects(block["elements"]):
        if "elements" in one and not one["elements"]:
            yield f"an empty {one['type']}"
        if not 0 <= one.get("indent", 0) <= 8:
            yield f"indent is {one['indent']}"
    # Nothing says so of this block, but no other block takes more.
    if (taken := sum(units(one.get("text", "")) for one in objects(block))) > LENGTHS["text"]:
        yield f"{taken} units"


def _object(one: Payload) -> Iterator[str]:
    text = one.get("text")
    match one.get("type"):
        case "plain_text" | "text" | "mrkdwn" if not isinstance(text, str) or text == "":
            yield "invalid_blocks: an empty text"
        case "plain_text" | "mrkdwn" as kind:
            if units(text) > LENGTHS["text"]:
                yield f"{kind}: {units(text)} units"
            if not text.strip():
                yield f"{kind}: nothing but space"
            if kind == "mrkdwn":
                yield from _parsed(text, "mrkdwn")
        case "link":
            if text == "":
                yield "invalid_blocks: a link with an empty text"
            yield from _address(one["url"])
        case "button":
            yield from _button(one)
        case "static_select":
            yield from _select(one)


def _button(button: Payload) -> Iterator[str]:
    if units(button["text"]["text"]) > LENGTHS["button"]:
        yield f"button: {units(button['text']['text'])} units"
    if units(button.get("value", "")) > LENGTHS["value"]:
        yield f"button: a value of {units(button['value'])} units"
    if "action_id" not in button:
        yield "button: no action_id"
    if "url" in button:
        yield from _address(button["url"])


def _select(select: Payload) -> Iterator[str]:
    if not 1 <= len(select.get("options", [])) <= 100:
        yield f"static_select: {len(select.get('options', []))} options"
    for one in select.get("options", []):
        if units(one["text"]["text"]) > LENGTHS["option"] or not 1 <= units(one["value"]) <= 150:
            yield f"static_select: an option of {units(one['text']['text'])} units, its value of {units(one['value'])}"
    if units(select["placeholder"]["text"]) > LENGTHS["placeholder"]:
        yield "static_select: a long placeholder"
    if "action_id" not in select:
        yield "static_select: no action_id"


def _address(url: str) -> Iterator[str]:
    if not _ADDRESS.fullmatch(url) or units(url) > MAX_URL:
        yield f"invalid_blocks: no address {url[:80]!r}"


def _parsed(text: str, where: str) -> Iterator[str]:
    """What Slack reads as its own markup: only whole entities, links and mentions may stand there."""
    bare = _MENTION.sub("", _LINK.sub("", text))
    if "<" in bare or ">" in bare or _ENTITY.search(text):
        yield f"{where}: not escaped"
    for url, _ in _LINK.findall(text):
        yield from _address(url.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


@functools.cache
def _schema() -> Payload:
    return json.loads(Path(__file__).with_name("slack_blocks.schema.json").read_text("utf-8"))


@functools.cache
def _validator(definition: str) -> Callable[[Payload], Payload]:
    """What checks an object of Slack's type *definition*."""
    return fastjsonschema.compile({**_schema(), "$ref": f"#/definitions/{definition}"}, use_default=False)


def units(text: str) -> int:
    """UTF-16 units, the longest way of counting that Slack may have."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def characters(blocks: list[Payload]) -> int:
    """What Slack may count of *blocks*: texts, addresses, values."""
    return sum(units(one[name]) for one in objects(blocks) for name in ("text", "url", "value") if _is_text(one, name))


def _is_text(one: Payload, name: str) -> bool:
    return isinstance(one.get(name), str)


def objects(found: Any) -> Iterator[Payload]:
    """Every object in *found*, outermost first."""
    if isinstance(found, dict):
        yield found
        found = list(found.values())
    if isinstance(found, list):
        for one in found:
            yield from objects(one)


# -- what a reader would see -------------------------------------------------------------------------------------------


def pings(payload: Payload) -> tuple[str, ...]:
    """Whom the call would call: in its blocks and in the fallback, which is what notifications are made of."""
    params = payload["params"]
    found = _pings_in(params["text"]) if "text" in params else []
    for one in objects([params.get("blocks", []), params.get("view", {})]):
        kind = one.get("type")
        if kind in _PINGING and "text" not in one:
            name = next((str(value) for key, value in one.items() if key in ("range", f"{kind}_id")), kind)
            found.append(_PINGING[kind] + name)
        if kind == "mrkdwn":
            found += _pings_in(one["text"])
            if not one.get("verbatim"):  # then Slack looks for names by itself
                found += re.findall(r"(?<![\w&])[@#]\w+", one["text"])
        if kind == "emoji":
            found.append(f":{one['name']}:")
    return tuple(found)


def _pings_in(text: str) -> list[str]:
    return [*_MENTION.findall(text), *_SHOUT.findall(text)]


def links(payload: Payload) -> tuple[str, ...]:
    """Every address that can be followed from the blocks, in order; from the text where there are none."""
    params = payload["params"]
    if "blocks" not in params:
        return tuple(url.replace("&amp;", "&") for url, _ in _LINK.findall(params["text"]))
    return tuple(one["url"] for one in objects(params["blocks"]) if "url" in one)


def reading(payload: Payload) -> str:
    """The call as its reader sees it: styles as marks, `[label](address)`, `[ label → value ]` for buttons."""
    params = payload["params"]
    lines = [f"({payload['method']}{_circumstances(params)})"]
    if "view" in params:
        title = params["view"].get("title")
        lines += [f"«{title['text']}»"] if title else []
    blocks = params["view"]["blocks"] if "view" in params else params.get("blocks")
    lines += [_seen(params["text"])] if blocks is None else [_block_read(block) for block in blocks]
    return "\n".join(line.rstrip() for line in "\n\n".join(lines).split("\n"))


def _circumstances(params: Payload) -> str:
    names = ("response_type", "replace_original", "thread_ts")
    return "".join(f" {name}={params[name]}" for name in names if name in params)


def _block_read(block: Payload) -> str:
    match block["type"]:
        case "header":
            return f"# {block['text']['text']}"
        case "context":
            return "\n".join(f"‹{_text_read(one)}›" for one in block["elements"])
        case "section":
            return "\n".join(_text_read(one) for one in [block.get("text"), *block.get("fields", [])] if one)
        case "actions":
            return " ".join(_button_read(one) for one in block["elements"])
        case "rich_text":
            return "\n".join(_rich_read(one) for one in block["elements"])
        case "divider":
            return "────"
        case kind:
            return f"({kind})"


def _text_read(one: Payload) -> str:
    return _seen(one["text"]) if one["type"] == "mrkdwn" else str(one["text"])


def _seen(text: str) -> str:
    """Slack's markup as a reader sees it, mentions as they would fire."""
    shown = _LINK.sub(lambda match: f"[{match[2] or match[1]}]({match[1]})", _MENTION.sub(r"PING(\1)", text))
    return shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _button_read(one: Payload) -> str:
    if one["type"] == "static_select":
        choices = " ".join(f"‹{option['text']['text']} → {option['value']}›" for option in one["options"])
        return f"[ {one['placeholder']['text']} ▾ {choices} ]"
    return f"[ {one['text']['text']} → {one.get('value') or one.get('url')} ]"


def _rich_read(element: Payload) -> str:
    if element["type"] == "rich_text_list":
        indent = "  " * element.get("indent", 0)
        items = ["".join(map(_inline_read, one["elements"])) for one in element["elements"]]
        return "\n".join(f"{indent}• " + item.replace("\n", f"\n{indent}  ") for item in items)
    return "".join(map(_inline_read, element["elements"]))


def _inline_read(one: Payload) -> str:
    match one["type"]:
        case "text":
            shown = one["text"]
        case "link":
            shown = one["url"] if one.get("text", one["url"]) == one["url"] else f"[{one['text']}]({one['url']})"
        case kind:
            shown = f"PING({kind})"
    for style, mark in (("code", "`"), ("italic", "_"), ("bold", "*")):
        shown = f"{mark}{shown}{mark}" if one.get("style", {}).get(style) else shown
    return shown
