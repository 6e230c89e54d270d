"""How the app gets into a workspace: the page where somebody allows it, and the code that becomes a token."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from urllib.parse import urlencode

from fakes.slack_people import World
from fakes.slack_schema import Refusal
from fakes.slack_world import Shape, Team, User

CODE_SECONDS = 600.0


@dataclass(slots=True, eq=False)
class Code:
    team: Team
    user: User
    redirect_uri: str
    at: float
    used: bool = False


class OAuth:
    """*installer*: who sits before the page, and whose workspace it is; *denies*: they press the other button."""

    def __init__(self, world: World) -> None:
        self.installer: User | None = None
        self.denies = False
        self._world = world
        self._codes: dict[str, Code] = {}
        self._numbers = itertools.count(1)

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent from `/oauth/v2/authorize`. Raises :class:`Refusal`: then Slack shows a page."""
        asked = frozenset(query.get("scope", "").split(","))
        if query.get("client_id") != self._world.app.client_id:
            raise Refusal("invalid_client_id")
        if not asked <= self._world.app.scopes or not asked - {""}:
            raise Refusal("invalid_scope")
        assert self.installer is not None, "nobody is there to install it: set oauth.installer"
        redirect, state = query.get("redirect_uri", ""), query.get("state", "")
        if self.denies:
            return f"{redirect}?{urlencode({'error': 'access_denied', 'state': state})}"
        code = f"1234.{next(self._numbers)}.f4keC0de"
        self._codes[code] = Code(self.installer.team, self.installer, redirect, self._world.clock())
        return f"{redirect}?{urlencode({'code': code, 'state': state})}"

    def access(self, params: Shape) -> Shape:
        """The answer of `oauth.v2.access`: a token for a code, once."""
        app = self._world.app
        if params.get("client_id") != app.client_id:
            raise Refusal("invalid_client_id")
        if params.get("client_secret") != app.client_secret:
            raise Refusal("bad_client_secret")
        code = self._codes.get(params.get("code", ""))
        if code is None or self._world.clock() - code.at > CODE_SECONDS:
            raise Refusal("invalid_code")
        if code.used:
            raise Refusal("code_already_used")
        if params.get("redirect_uri", "") != code.redirect_uri:
            raise Refusal("bad_redirect_uri")
        code.used = True
        self._world.reinstall(code.team)
        return {
            "access_token": code.team.token, "token_type": "bot", "scope": ",".join(sorted(code.team.scopes)),
            "bot_user_id": code.team.bot.id, "app_id": app.id, "team": {"name": code.team.name, "id": code.team.id},
            "enterprise": None, "is_enterprise_install": False, "authed_user": {"id": code.user.id},
        }  # fmt: skip
