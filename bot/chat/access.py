"""Who may do what: everybody reads, the admins of a chat change their chat, curators run the digest.

Platforms find out who somebody is and hand over a role; whatever is not a role counts as a member.
"""

from __future__ import annotations

from typing import Literal

from bot.errors import BotError

Role = Literal["member", "admin", "curator"]
ROLES: tuple[Role, ...] = ("member", "admin", "curator")


class NotAllowed(BotError, PermissionError):
    """/*command* is for the *role*s of this chat."""

    command: str
    role: Role

    def __init__(self, command: str, role: Role) -> None:
        super().__init__(command=command, role=role)


def may(role: str, needed: Role) -> bool:
    """Whether somebody with *role* may do what *needed* may; each role may also do what the ones before it may."""
    return rank(role) >= ROLES.index(needed)


def rank(role: str) -> int:
    """0 for a member and for whatever is unknown."""
    return ROLES.index(role) if role in ROLES else 0


def role_of(*, curator: bool = False, admin: bool = False, private: bool = False) -> Role:
    """The role of somebody who is on the curators' list, runs the chat, or talks to the bot alone.

    In a private chat everybody is admin: it is their own chat that they change.
    """
    if curator:
        return "curator"
    return "admin" if admin or private else "member"
