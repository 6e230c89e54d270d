"""Cut text into the words that the search index holds. Knows letters, not languages.

Chinese, Japanese and Korean are written without spaces, so a run of such characters becomes its single characters and
its neighbouring pairs: 强化学习 is 强 化 学 习 强化 化学 学习. A dictionary (jieba) would cost 33-80 MB and found
nothing more on the digests we measured; pairs also find the words that no dictionary has yet.

A Latin word becomes its pieces and the whole without its joints, so that ``ResNet-50`` is found as ``resnet``,
``resnet50`` and ``resnet 50``. Only letters, digits, ``+`` and ``#`` ever leave this module: a token can be put between
double quotes of any query language.
"""

from __future__ import annotations

import re
import unicodedata
from operator import add

_CJK = "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_LETTER = rf"[^\W_{_CJK}]"
_RUN = re.compile(rf"[{_CJK}]+|{_LETTER}+(?:[-._'’]{_LETTER}+)*(?:\+\+|\#)?")
_CJK_RUN = re.compile(rf"[{_CJK}]+")
_PIECE = re.compile(r"\d+|[^\W\d_]+|[^\W_]")
_JOINT = re.compile(r"[-._'’]")
_CHINESE = re.compile(rf"[{_HAN}]+")
# Longer than any word; what exceeds it is a hash or somebody's base64.
_LONGEST = 48
_MOST_PIECES = 6


def fold(text: str) -> str:
    """One spelling for what a reader takes for the same: full width, ligatures and case go (NFKC, casefold)."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).casefold()


def runs(folded: str) -> list[str]:
    """The stretches of *folded* text that belong together: ``bert蒸馏 tf2.0`` is ``bert``, ``蒸馏``, ``tf2.0``."""
    return _RUN.findall(folded)


def chinese_runs(text: str) -> list[str]:
    """The stretches of Chinese characters in *text*, which are what has a pinyin."""
    return _CHINESE.findall(text)


def is_cjk(run: str) -> bool:
    """Whether *run*, one of `runs`, is to be read by characters rather than as a word."""
    return not run.isascii() and _CJK_RUN.match(run) is not None


def pairs(run: str) -> list[str]:
    """The neighbouring pairs of a run of CJK characters, or the one character that it is."""
    return list(map(add, run, run[1:])) or [run]


def pieces(run: str) -> list[str]:
    """The pieces of a Latin run: ``tf2.0`` is ``tf``, ``2``, ``0``; ``c++`` and ``f#`` are one piece each."""
    if run.isalpha() and len(run) <= _LONGEST:
        return [run]
    if run[-1] in "+#":
        return [run[-_LONGEST:]]
    found = _PIECE.findall(run)
    return found if 1 < len(found) <= _MOST_PIECES else [whole(run)]


def whole(run: str) -> str:
    """A Latin run without its joints: ``resnet-50`` is ``resnet50``."""
    # Most runs have no joint, and a word is looked at sooner than a pattern is applied.
    return (run if run.isalnum() else _JOINT.sub("", run))[:_LONGEST]


def tokens(text: str) -> list[str]:
    """All tokens under which *text* is to be found, in the order in which a phrase of them can be looked up."""
    found: list[str] = []
    for run in runs(fold(text)):
        if run.isascii() and run.isalpha() and len(run) <= _LONGEST:
            found.append(run)
        elif is_cjk(run):
            found += run
            found += map(add, run, run[1:])
        else:
            parts = pieces(run)
            found += parts
            if len(parts) > 1:
                found.append(whole(run))
    return found
