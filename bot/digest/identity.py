"""Who an item is: its id comes from the normalised primary URL and from nothing else.

A moved, retitled or re-summarised item keeps its id. The URL as written is what the reader gets; the normalised one is
only ever compared and hashed, never shown or opened.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote, urlsplit

_TRACKING_NAMES = (
    r"utm_\w+|fbclid|gclid|dclid|msclkid|yclid|igshid|mc_cid|mc_eid|_hsenc|_hsmi|spm|scene|chksm|ref_src|ref_url"
    r"|share_token"
)
_TRACKING = re.compile(rf"^(?:{_TRACKING_NAMES})$")
# Addresses that only count the click and pass on, and the parameter in which the real address travels.
_CLICK_WRAPPERS = {
    "link.zhihu.com": "target",
    "link.juejin.cn": "target",
    "link.csdn.net": "target",
    "links.jianshu.com": "to",
    "link.jianshu.com": "t",
    "google.com/url": "q",
    "l.facebook.com/l.php": "u",
    "out.reddit.com": "url",
}
_ARXIV = re.compile(
    r"^(?:[\w-]+\.)?arxiv\.org/(?:abs|pdf|html|ps|format)/([a-z-]+(?:\.[A-Za-z]{2})?/\d{7}|\d{4}\.\d{4,5})(?:v\d+)?(?:\.pdf)?$"
)
_TRACKED = re.compile(rf"[?&](?:{_TRACKING_NAMES})=")
_PLAIN = re.compile(
    r"https?://(?:www\.)?([\w.-]+)((?:/[\w.~@+/-]*)?)(\?[\w.-]+=[\w.-]+(?:&[\w.-]+=[\w.-]+)*)?", re.ASCII
)
_SAFE_TEXT = re.compile(r"[\w/:@!$'()*+,;~.-]*", re.ASCII)
_EMPTY_FRAGMENTS = {"", "rd", "wechat_redirect"}
_SAFE = "/:@!$'()*+,;~-._"


def normalise(url: str) -> str:
    """The URL without what does not say which page it is.

    Scheme, ``www.``, a trailing slash, tracking parameters, the order of percent-encoding and known click wrappers go;
    arXiv's abstract, PDF and versions become one. Never raises: what is no URL comes back stripped.
    """
    return _normalise(url.strip(), 3)


def _normalise(url: str, wrappers: int) -> str:
    plain = _PLAIN.fullmatch(url)
    if plain and not plain[1].endswith("arxiv.org") and not (plain[3] and _TRACKED.search(plain[3])):
        return plain[1].lower() + plain[2].rstrip("/") + (plain[3] or "")  # most addresses have nothing to take off
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    if parts.scheme.lower() not in ("http", "https", ""):
        return f"{parts.scheme.lower()}:{url.split(':', 1)[1]}"
    host = (parts.hostname or "").removeprefix("www.")
    path = _quoted(parts.path).rstrip("/")
    query = parse_qsl(parts.query, keep_blank_values=True) if parts.query else []
    if wrappers and query and (name := _CLICK_WRAPPERS.get(host) or _CLICK_WRAPPERS.get(host + path)):
        for key, value in query:
            if key == name and value.lower().startswith(("http://", "https://", "//")):
                return _normalise(value, wrappers - 1)
    if port and port not in (80, 443):
        host = f"{host}:{port}"
    where = host + path
    if arxiv := _ARXIV.match(where):
        return f"arxiv.org/abs/{arxiv[1]}"
    kept = "&".join(f"{_quoted(key)}={_quoted(value)}" for key, value in query if not _TRACKING.match(key))
    if kept:
        where += "?" + kept
    if parts.fragment not in _EMPTY_FRAGMENTS:
        where += "#" + _quoted(parts.fragment)
    return where


def _quoted(text: str) -> str:
    """*text* percent-encoded one way, whichever way it came."""
    if _SAFE_TEXT.fullmatch(text):
        return text
    return quote(unquote(text), safe=_SAFE, errors="replace")


@lru_cache(maxsize=65536)
def item_id(url: str) -> str:
    """Twelve hexadecimal digits (48 bits of BLAKE2b) that stand for the page behind *url*."""
    return hashlib.blake2b(normalise(url).encode(errors="surrogatepass"), digest_size=6).hexdigest()
