"""The verb that writes the archive as static files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.output import say, warn
from bot.verbs.options import Language


def archive(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder; made where it is missing.")],
    lang: Annotated[
        Language | None, typer.Option("--lang", help="Language of the bot's own words; the digest's by default.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Where the folder will be read, for the feeds; else PUBLIC_URL."),
    ] = None,
) -> None:
    """Write the archive as files, for GitHub Pages. What is there already and not ours stays."""
    from bot.app import build, existing_store
    from bot.chat.language import choose
    from bot.errors import ConfigurationError
    from bot.front.reading_room import ReadingRoom
    from bot.settings import READING, Settings
    from bot.web import filing
    from bot.web.addresses import safe
    from bot.web.shelf import Shelf

    settings = Settings.load(*READING, "public_url")
    if url is not None and not (safe(url) and url.startswith("http")):
        raise typer.BadParameter("write a whole address, such as https://name.github.io/digest", param_hint="--url")
    app = build(settings)
    if (store := existing_store(settings)) is not None:
        app.attach(store)
    language = choose(lang.value if lang else None, app.defaults.language, app.library.language)
    public = (url or settings.public_url or "").rstrip("/")
    pages = changed = 0
    for name, body in filing.filed(Shelf(ReadingRoom(app).state()), language, public):
        pages += name.endswith(".html")
        try:
            changed += filing.write(out, name, body)
        except OSError as error:
            raise ConfigurationError(f"{out}: {error.strerror}; name a folder that can be written") from None
    if not public:
        warn("The feeds lead to their own folder only: for readers elsewhere say where it will be, by --url.")
    say(f"{pages:,} pages in {out}, {changed:,} files new or changed")
