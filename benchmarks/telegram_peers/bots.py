"""The bots that `telegram.py` measures, a process each: ours, and two that send its replies as their makers advise.

    python benchmarks/telegram_peers/bots.py heji|ptb|aiogram API-ROOT FOLDER
    python benchmarks/telegram_peers/bots.py broadcast API-ROOT FOLDER CHATS RATE

FOLDER holds our database, and `replies.json` (command -> parameters of the reply) for those that have to be told what
to say. A bot prints the port of its webhook when it listens, and at every line that it reads the CPU seconds it has
used; a broadcast prints what became of it.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.app import App

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(1, str(ROOT))

SECRET = "benchmark"
TOKEN = "123456789:AAaaBBbbCCccDDddEEeeFFffGGgg-HHhh00"


def tell(port: int) -> None:
    """Say where the webhook is, and answer questions about CPU from now on."""
    print(json.dumps({"port": port}), flush=True)

    def answer() -> None:
        for _ in sys.stdin:
            used = resource.getrusage(resource.RUSAGE_SELF)
            print(json.dumps({"cpu": used.ru_utime + used.ru_stime}), flush=True)

    threading.Thread(target=answer, daemon=True).start()


def replies(folder: Path) -> dict[str, dict[str, Any]]:
    return json.loads((folder / "replies.json").read_text(encoding="utf-8"))


# Ours -----------------------------------------------------------------------------------------------------------------


def house(folder: Path) -> App:
    """Our bot over the reference digest, with a SQLite file as it is by default."""
    from bot.app import build, open_store
    from bot.settings import Settings

    settings = Settings(
        content=(f"{ROOT}/content",), database_url=f"sqlite:///{folder}/heji.db", telegram_bot_token=TOKEN
    )
    app = build(settings)
    app.attach(open_store(settings))
    app.notice()
    return app


async def heji(root: str, folder: Path) -> None:
    from bot.front.reception import Reception
    from bot.platforms.telegram.delivering import Telegram
    from bot.platforms.telegram.receiving import Receiver
    from bot.web.health import Health
    from bot.web.server import Server
    from bot.web.site import site

    address = "https://benchmark.example.org"
    receiver = Receiver(Telegram(TOKEN, root), Reception(house(folder)), secret=SECRET, public_url=address)
    assert receiver.webhook is not None
    server = Server(site(health=Health, webhooks=[receiver.webhook]), "127.0.0.1", 0)
    await server.start()
    tell(server.port)
    await receiver.run()


async def broadcast(root: str, folder: Path, chats: int, rate: float) -> None:
    """One edition to many chats, from the moment that it is in the outbox."""
    from bot.chat.address import Address
    from bot.delivery.outbox import Outbox
    from bot.delivery.pace import rates
    from bot.delivery.planner import Planner
    from bot.desk.press import Press
    from bot.platforms.telegram.delivering import Telegram
    from bot.store.subscriptions import Subscriber

    app, telegram = house(folder), Telegram(TOKEN, root)
    store = app.store
    assert store is not None
    store.subscriptions.put(Subscriber(Address(f"telegram:{number}")) for number in range(1, chats + 1))
    Planner(store, lambda: app.library, Press([telegram])).post(key="benchmark")
    begun = time.perf_counter()
    counts = await Outbox(store, [telegram], rates=rates(telegram=rate)).drain()
    print(json.dumps({"seconds": time.perf_counter() - begun, "counts": counts}))
    await telegram.close()


# python-telegram-bot, as its example `customwebhookbot` does it: starlette, uvicorn; and httpx, its default -----------


async def ptb(root: str, folder: Path) -> None:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route
    from telegram import InlineKeyboardMarkup, LinkPreviewOptions, Update
    from telegram.ext import Application, ContextTypes, MessageHandler, filters

    said = replies(folder)
    for reply in said.values():
        if "reply_markup" in reply:
            reply["reply_markup"] = InlineKeyboardMarkup.de_json(reply["reply_markup"], None)
        if "link_preview_options" in reply:
            reply["link_preview_options"] = LinkPreviewOptions.de_json(reply["link_preview_options"], None)

    async def answer(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        await update.effective_message.reply_text(**said[update.effective_message.text])

    application = Application.builder().token(TOKEN).base_url(f"{root}/bot").updater(None).build()
    application.add_handler(MessageHandler(filters.TEXT, answer))

    async def take(request: Request) -> Response:
        await application.update_queue.put(Update.de_json(data=await request.json(), bot=application.bot))
        return Response()

    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=[Route("/telegram", take, methods=["POST"])]), port=0, log_level="warning")
    )
    async with application:
        await application.start()
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - it has no event that says so
            await asyncio.sleep(0.01)
        tell(server.servers[0].sockets[0].getsockname()[1])
        await serving
        await application.stop()


# aiogram, as its example `echo_bot_webhook` does it: its own handler on aiohttp's server ------------------------------


async def aiogram(root: str, folder: Path) -> None:
    from aiogram import Bot, Dispatcher
    from aiogram.client.session.aiohttp import AiohttpSession
    from aiogram.client.telegram import TelegramAPIServer
    from aiogram.types import InlineKeyboardMarkup, LinkPreviewOptions, Message
    from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
    from aiohttp import web

    said = replies(folder)
    for reply in said.values():
        if "reply_markup" in reply:
            reply["reply_markup"] = InlineKeyboardMarkup.model_validate(reply["reply_markup"])
        if "link_preview_options" in reply:
            reply["link_preview_options"] = LinkPreviewOptions.model_validate(reply["link_preview_options"])

    dispatcher = Dispatcher()

    @dispatcher.message()
    async def answer(message: Message) -> None:
        await message.answer(**said[message.text or ""])

    bot = Bot(TOKEN, session=AiohttpSession(api=TelegramAPIServer.from_base(root)))
    app = web.Application()
    SimpleRequestHandler(dispatcher, bot, secret_token=SECRET).register(app, path="/telegram")
    setup_application(app, dispatcher, bot=bot)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    tell(runner.addresses[0][1])
    await asyncio.Event().wait()


BOTS = {"heji": heji, "ptb": ptb, "aiogram": aiogram}


def main() -> None:
    name, root, folder, *rest = sys.argv[1:]
    if name == "broadcast":
        asyncio.run(broadcast(root, Path(folder), int(rest[0]), float(rest[1])))
    else:
        asyncio.run(BOTS[name](root, Path(folder)))


if __name__ == "__main__":
    main()
