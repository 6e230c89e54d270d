"""The command table and the way through it: what was typed -> a Command -> its row -> an Answer.

One table feeds the dispatcher, ``/help``, Telegram's menus and Slack's manifest. Names, arguments and words are those
that readers learn: change none without need.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from bot.chat import handlers, pages, subscription
from bot.chat.access import NotAllowed, may
from bot.chat.conversation import QUESTION, Answer, Asked, Command, Context, Reader, Row
from bot.chat.language import later
from bot.digest.names import squeeze
from bot.errors import BotError

MAX_WORDS = 500
"""Characters of a question that are read; nobody's question is longer."""

_SLASHED = re.compile(r"[/／]([^\s@]+)(?:@(\w+))?(?:\s+(.*))?", re.DOTALL)
_PAGE = re.compile(r"(?:^|\s)(?:--|—|–)page[ =]\s*(\d{1,6})\s*$")
_WORD = re.compile(r"[\s:：]+")


# -- what was typed ----------------------------------------------------------------------------------------------------


def read(
    text: str, who: Command, *, me: str = "heji", mentioned: bool = False, slashless: bool = False
) -> Command | None:
    """*who*, a command that says who asks and where, completed by what *text* asks; None if that is not for the bot.

    *me* is the bot's own name: ``/topic@OtherBot`` is for the other. In a group (*who* is not private) prose counts
    only where the bot is *mentioned* or replied to; an unknown ``/word`` there is some other bot's. *slashless*: names
    may come without their slash, as they do on Slack behind the root.
    """
    text, page = _without_page(unicodedata.normalize("NFC", text).strip()[:MAX_WORDS])
    asked = replace(who, page=page)
    if slashed := _SLASHED.fullmatch(text):
        name, addressee, args = slashed[1], slashed[2], " ".join((slashed[3] or "").split())
        if addressee and addressee.casefold() != me.casefold():
            return None
        row = find_row(name) or _by_word(name)
        if row is None and not (who.private or mentioned or addressee):
            return None
        return replace(asked, name=row.name if row else name, args=args)
    if not (who.private or mentioned or slashless):
        return None
    first, _, rest = _WORD.sub(" ", text, count=1).partition(" ")
    row = _by_word(first) or (find_row(first) if slashless else None)
    if row:
        return replace(asked, name=row.name, args=" ".join(rest.split()))
    return replace(asked, name=QUESTION, args=" ".join(text.split()))


def _without_page(text: str) -> tuple[str, int]:
    page = _PAGE.search(text)
    return (text[: page.start()].rstrip(), max(1, int(page[1]))) if page else (text, 1)


# -- the answer --------------------------------------------------------------------------------------------------------


def answer(command: Command, context: Context) -> Answer:
    """What is said to *command*, and what changes. Whatever goes wrong becomes a sentence in the reader's language."""
    asked = Asked(command, context, context.reader(command))
    try:
        return _dispatch(asked)
    except BotError as error:
        page = pages.error(error, context.library, asked.reader)
        return Answer(page, refused=isinstance(error, NotAllowed))


def _dispatch(asked: Asked) -> Answer:
    command = asked.command
    if command.name == QUESTION:
        return handlers.question(asked)
    row = find_row(command.name)
    if row is None:
        return _unknown(command.name, command.args, asked)
    needed = row.needed(private=command.private)
    if not may(command.role, needed):
        raise NotAllowed(row.name, needed)
    trouble = asked.context.trouble
    if trouble and row.forgetful == "refuses":
        raise trouble.with_traceback(None)
    found = row.handler(asked)
    if trouble and row.forgetful == "says so":
        return replace(found, message=pages.forgetful(found.message, trouble, asked.reader))
    return found


def _unknown(name: str, args: str, asked: Asked) -> Answer:
    """``/ctr`` is a topic without its command and is shown; ``/topc`` is a slip."""
    if not args and handlers.topics_called(name, asked.library):
        return handlers.question(replace(asked, command=replace(asked.command, name=QUESTION, args=name)))
    usable = {row.name: row for row in usable_by(asked.reader)}
    near = [usable[row] for row in difflib.get_close_matches(name.casefold(), usable, n=2, cutoff=0.7)]
    found = () if near else asked.library.suggest(name, 3)
    return Answer(pages.unknown_command(name, args, near, found, asked.library, asked.reader))


def usable_by(reader: Reader) -> Iterator[Row]:
    """The rows that this reader may use here, for help and menus."""
    return (row for row in TABLE if row.listed and reader.may(row.needed(private=reader.private)))


def needs_memory(command: Command) -> bool:
    """Whether the answer depends on what was posted or chosen before."""
    row = find_row(command.name)
    return row is not None and row.memory


def depends_on_library_alone(command: Command) -> bool:
    """Whether the same question, by the same kind of reader, has the same answer as long as the library does."""
    row = find_row(command.name)
    return row.steady if row else command.name == QUESTION


def find_row(name: str) -> Row | None:
    """The row of a name or an alias, in any case."""
    return _ROWS.get(name.casefold())


def _by_word(word: str) -> Row | None:
    return _WORDS.get(squeeze(word))


# -- handlers that speak of the table itself ---------------------------------------------------------------------------


def _start(asked: Asked) -> Answer:
    """``/start``, and ``/start PAYLOAD`` of a deep link: ``t_…`` a topic's reference, ``i_…`` an item's id."""
    kind, _, value = asked.args.partition("_")
    if kind == "t" and value:
        return _dispatch(replace(asked, command=replace(asked.command, name="topic", args=f"~{value}")))
    if kind == "i" and (item := asked.library.item(value)):
        return Answer(pages.found((item,), asked.library, asked.reader))
    return Answer(pages.start(asked.library, asked.reader, subscribed=asked.context.subscription is not None))


def _help(asked: Asked) -> Answer:
    """``/help``: what this reader may use here; ``/help topic``: about one command."""
    rows = tuple(usable_by(asked.reader))
    if not asked.args:
        return Answer(pages.overview(rows, asked.library, asked.reader))
    name = asked.args.lstrip("/／")
    row = find_row(name) or _by_word(name)
    if row not in rows:
        return _unknown(name, "", asked)
    return Answer(pages.about(row, asked.library, asked.reader))


def _more(asked: Asked) -> Answer:
    """``/more``: the next page of what was last answered here."""
    on = asked.context.more
    if on is None:
        return Answer(pages.no_more(asked.reader))
    return _dispatch(replace(asked, command=replace(asked.command, name=on.name, args=on.args, page=on.page)))


# -- the table ---------------------------------------------------------------------------------------------------------

_TOPIC = later("[topic]")

TABLE: tuple[Row, ...] = (
    Row("topic", later("a topic and everything under it"), handlers.topic,
        arguments=(_TOPIC,), aliases=("t",), words=("话题", "主题"), memory=False, steady=True),
    Row("topics", later("all topics, as a tree"), handlers.topics,
        arguments=(later("[word]"),), words=("目录", "全部话题", "所有话题"), memory=False, steady=True),
    Row("search", later("search all items"), handlers.search,
        arguments=(later("words"),), aliases=("s",), words=("搜索", "搜", "查找"), memory=False, steady=True),
    Row("random", later("one item by chance"), handlers.random,
        arguments=(_TOPIC,), words=("随机", "随便看看"), memory=False),
    Row("new", later("what came in lately"), handlers.new, words=("最新", "最近更新")),
    Row("week", later("this week's edition"), handlers.week, words=("本周", "这周", "本期"), forgetful="says so"),
    Row("next", later("the coming theme"), handlers.next_edition,
        words=("下周", "下期", "预告"), forgetful="says so"),
    Row("status", later("the last and the next edition, and the state of the digest"),
        subscription.status, words=("状态",), forgetful="says so"),
    Row("subscribe", later("post the weekly here"), subscription.subscribe,
        group_role="admin", arguments=(later("[topics…]"), later("[mon 09:00]"), "[Asia/Shanghai]"),
        aliases=("sub",), words=("订阅",), forgetful="refuses"),
    Row("unsubscribe", later("post nothing here any more"), subscription.unsubscribe,
        group_role="admin", aliases=("unsub",), words=("退订", "取消订阅"), forgetful="refuses"),
    Row("pause", later("post nothing here for a while"), subscription.pause,
        group_role="admin", words=("暂停",), forgetful="refuses"),
    Row("resume", later("post here again"), subscription.resume,
        group_role="admin", words=("恢复",), forgetful="refuses"),
    Row("settings", later("what this chat has chosen"), subscription.settings,
        group_role="admin", words=("设置",), forgetful="refuses"),
    Row("set", later("change one of the settings"), subscription.set_one,
        group_role="admin", arguments=(later("key"), later("value")), forgetful="refuses"),
    Row("lang", later("speak Chinese or English"), handlers.set_language,
        group_role="admin", arguments=("[zh|en]",), words=("语言",)),
    Row("preview", later("the coming edition as it will be posted"), handlers.preview,
        role="curator", arguments=(_TOPIC,), words=("预览",), forgetful="says so"),
    Row("post", later("post an edition now, to everybody"), subscription.post,
        role="curator", arguments=(_TOPIC,), words=("发布",), forgetful="refuses"),
    Row("skip", later("let the coming edition go"), subscription.skip,
        role="curator", words=("跳过",), forgetful="refuses"),
    Row("reload", later("read the content again"), handlers.reload,
        role="curator", arguments=("[force]",), words=("重新加载",)),
    Row("check", later("what there is to fix in the content"), handlers.check,
        role="curator", words=("检查",), memory=False),
    Row("start", later("the greeting"), _start, words=("开始",), listed=False, memory=False, steady=True),
    Row("help", later("what one can ask"), _help,
        arguments=(later("[command]"),), words=("帮助", "怎么用"), memory=False, steady=True),
    Row("more", later("the next page"), _more, words=("更多", "下一页"), listed=False),
)  # fmt: skip
"""One row a command, in the order of the help."""

_ROWS = {name: row for row in TABLE for name in (row.name, *row.aliases)}
_WORDS = {squeeze(word): row for row in TABLE for word in row.words}
