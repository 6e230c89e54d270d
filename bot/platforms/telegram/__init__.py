"""Telegram: how messages look there, how they are sent, how updates come in."""

from bot.thrift import without

with without("httpx._main"):  # the command line of PTB's own HTTP client: click, rich and pygments for nobody
    import httpx  # noqa: F401
