"""What was posted, to subscribe to: Atom (RFC 4287) and JSON Feed 1.1, and the outline as OPML. Pure."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from xml.etree import ElementTree as ET

from bot.chat.pages.editions import period_name
from bot.chat.prose import shortened
from bot.digest.export import as_opml
from bot.web.addresses import safe
from bot.web.markup import tidy
from bot.web.room import Issue
from bot.web.shelf import issue_place
from bot.web.views import TAGS, Frame, page

MOST = 50
"""Editions in a feed: a year of a weekly."""

ATOM = "application/atom+xml"
JSON = "application/feed+json"
OPML = "text/x-opml+xml"

_ATOM = "http://www.w3.org/2005/Atom"
_NEVER = dt.datetime.fromtimestamp(0, dt.UTC)


def atom(frame: Frame) -> bytes:
    """The latest editions, the latest first. Addresses are whole where *frame* knows its *public* root."""
    ET.register_namespace("", _ATOM)
    issues = frame.shelf.issues[:MOST]
    feed = ET.Element(f"{{{_ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": _language(frame)})
    _add(feed, "title", frame.shelf.library.title)
    _add(feed, "id", _feed_id(frame))
    _add(feed, "updated", _time(max((issue.at for issue in issues), default=_NEVER)))
    _add(_add(feed, "author"), "name", frame.shelf.library.title)
    _add(feed, "generator", "heji")
    _add(feed, "link", rel="self", type=ATOM, href=_whole(frame, frame.links.file("feed.atom")))
    _add(feed, "link", rel="alternate", type="text/html", href=_whole(frame, frame.links.to("")))
    for issue in issues:
        entry = _add(feed, "entry")
        _add(entry, "title", _title(issue, frame))
        _add(entry, "id", _id(issue))
        _add(entry, "published", _time(issue.at))
        _add(entry, "updated", _time(issue.at))
        _add(entry, "link", rel="alternate", type="text/html", href=_whole(frame, frame.links.to(issue_place(issue))))
        for title in issue.edition.theme.path:
            _add(entry, "category", term=title)
        _add(entry, "summary", _titles(issue, frame))
        _add(entry, "content", _content(issue, frame), type="html")
    return bytes(ET.tostring(feed, encoding="utf-8", xml_declaration=True))


def json_feed(frame: Frame) -> bytes:
    """The same as JSON."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": tidy(frame.shelf.library.title),
        "home_page_url": _whole(frame, frame.links.to("")),
        "feed_url": _whole(frame, frame.links.file("feed.json")),
        "language": _language(frame),
        "authors": [{"name": tidy(frame.shelf.library.title)}],
        "items": [
            {
                "id": _id(issue),
                "url": _whole(frame, frame.links.to(issue_place(issue))),
                "title": tidy(_title(issue, frame)),
                "summary": tidy(_titles(issue, frame)),
                "content_html": _content(issue, frame),
                "date_published": _time(issue.at),
                "tags": [tidy(title) for title in issue.edition.theme.path],
            }
            for issue in frame.shelf.issues[:MOST]
        ],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1).encode()


def opml(frame: Frame) -> bytes:
    """All topics and items as an outline, without the addresses to which a browser must not be sent."""
    library = frame.shelf.library
    written = as_opml(library.digests, library.title)
    addresses = (url for item in library.items for url in (item.url, *(link.url for link in item.links)))
    if all(map(safe, addresses)):  # as they nearly always are
        return written.encode()
    root = ET.fromstring(written)  # noqa: S314 - written a line before
    for outline in root.iter("outline"):
        if not safe(outline.get("url", "")):
            outline.attrib.pop("url", None)
            outline.attrib.pop("type", None)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _add(above: ET.Element, name: str, words: str | None = None, **attributes: str) -> ET.Element:
    made = ET.SubElement(above, f"{{{_ATOM}}}{name}", {key: tidy(value) for key, value in attributes.items()})
    if words is not None:
        made.text = tidy(words)
    return made


def _whole(frame: Frame, address: str) -> str:
    """An address of ours in full; where nobody knows the root, as it stands on a page."""
    if not frame.public:
        return address
    return f"{frame.public.rstrip('/')}/{address.removeprefix('/')}"


def _title(issue: Issue, frame: Frame) -> str:
    theme = " / ".join(issue.edition.theme.path)
    return frame.say("{theme} · {period}", theme=theme, period=period_name(issue.edition.period, frame.say))


def _titles(issue: Issue, frame: Frame) -> str:
    return frame.say.listing(shortened(item.title, 80) for item in issue.edition.items)


def _content(issue: Issue, frame: Frame) -> str:
    return tidy(page("feed_entry.html", frame, edition=issue.edition))


def _id(issue: Issue) -> str:
    """The same for good, wherever the pages are: what was posted when."""
    return _uuid(f"{issue.rotation}/{issue.key}/{_time(issue.at)}")


def _feed_id(frame: Frame) -> str:
    return _uuid(frame.public or frame.shelf.library.title)


def _uuid(name: str) -> str:
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'heji:{name}')}"


def _time(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _language(frame: Frame) -> str:
    return TAGS.get(frame.language, frame.language)
