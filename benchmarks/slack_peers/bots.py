"""The bots that `slack.py` measures, a process each: ours, and a bare Bolt app that answers a fixed text.

    python benchmarks/slack_peers/bots.py heji|bolt SLACK-ROOT FOLDER

FOLDER holds our database. A bot prints the port where it takes signed requests when it listens, and at every line that
it reads the CPU seconds it has used.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import threading
from pathlib import Path

from fast_slack import SECRET, TOKEN

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(1, str(ROOT))

FIXED = "Two items in ctr. A fixed text, as short as an answer can be."


def tell(port: int) -> None:
    """Say where requests are taken, and answer questions about CPU from now on."""
    print(json.dumps({"port": port}), flush=True)

    def answer() -> None:
        for _ in sys.stdin:
            used = resource.getrusage(resource.RUSAGE_SELF)
            print(json.dumps({"cpu": used.ru_utime + used.ru_stime}), flush=True)

    threading.Thread(target=answer, daemon=True).start()


async def heji(root: str, folder: Path) -> None:
    """Our bot over the reference digest, with a SQLite file as it is by default."""
    from bot.app import build, open_store
    from bot.front.reception import Reception
    from bot.platforms.slack.delivering import Slack
    from bot.platforms.slack.receiving import Receiver
    from bot.settings import Settings
    from bot.web.health import Health
    from bot.web.server import Server
    from bot.web.site import site

    settings = Settings(content=(f"{ROOT}/content",), database_url=f"sqlite:///{folder}/heji.db")
    app = build(settings)
    app.attach(open_store(settings))
    app.notice()
    receiver = Receiver(Slack(TOKEN, f"{root}/api/"), Reception(app), signing_secret=SECRET)
    assert receiver.webhook is not None
    server = Server(site(health=Health, webhooks=[receiver.webhook]), "127.0.0.1", 0)
    await server.start()
    tell(server.port)
    await receiver.run()


async def bolt(root: str, _: Path) -> None:
    """A Bolt app as its first example has it, on Bolt's own server."""
    from aiohttp import web
    from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
    from slack_sdk.web.async_client import AsyncWebClient

    app = AsyncApp(client=AsyncWebClient(token=TOKEN, base_url=f"{root}/api/"), signing_secret=SECRET)

    @app.command("/digest")
    async def answer(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        await respond(FIXED)

    runner = web.AppRunner(app.server(port=0, path="/slack/events").web_app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    tell(runner.addresses[0][1])
    await asyncio.Event().wait()


BOTS = {"heji": heji, "bolt": bolt}


def main() -> None:
    name, root, folder = sys.argv[1:]
    asyncio.run(BOTS[name](root, Path(folder)))


if __name__ == "__main__":
    main()
