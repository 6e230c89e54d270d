"""What the bot tells about itself: its menus, by scope and language, its name and descriptions, by language."""

from __future__ import annotations

import json
import re
from typing import Any

from telegram_judge import units

from fakes.telegram_schema import bad
from fakes.telegram_world import Shape

MAX_UNITS = {"name": 64, "description": 512, "short_description": 120}

Params = dict[str, Any]


class Profile:
    """*commands* by (the scope's JSON, language), *texts* by (which, language); no language is every other one."""

    def __init__(self, name: str) -> None:
        self.commands: dict[tuple[str, str], list[Shape]] = {}
        self.texts: dict[tuple[str, str], str] = {("name", ""): name}

    def set_commands(self, params: Params) -> bool:
        if len(params["commands"]) > 100:
            raise bad("BOT_COMMANDS_TOO_MUCH")
        for command in params["commands"]:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
                raise bad("BOT_COMMAND_INVALID")
            if not 1 <= units(command["description"]) <= 256:
                raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands[_menu(params)] = params["commands"]
        return True

    def get_commands(self, params: Params) -> list[Shape]:
        return self.commands.get(_menu(params), [])

    def delete_commands(self, params: Params) -> bool:
        self.commands.pop(_menu(params), None)
        return True

    def set_text(self, params: Params, which: str) -> bool:
        text = params.get(which, "")
        if units(text) > MAX_UNITS[which]:
            raise bad(f"bot {which.replace('_', ' ')} is too long")
        self.texts[which, _language(params)] = text
        return True

    def get_text(self, params: Params, which: str) -> Shape:
        return {which: self.texts.get((which, _language(params))) or self.texts.get((which, ""), "")}


def _menu(params: Params) -> tuple[str, str]:
    scope = params.get("scope", {"type": "default"})
    return json.dumps(scope, sort_keys=True), _language(params)


def _language(params: Params) -> str:
    language = str(params.get("language_code", ""))
    if not re.fullmatch(r"([a-z]{2})?", language):
        raise bad("LANG_CODE_INVALID")
    return language
