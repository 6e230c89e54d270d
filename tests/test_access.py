import pytest

from bot.chat.access import ROLES, NotAllowed, may, role_of


def test_each_role_may_also_do_what_the_ones_before_it_may():
    allowed = {role: [needed for needed in ROLES if may(role, needed)] for role in ROLES}

    assert allowed == {
        "member": ["member"],
        "admin": ["member", "admin"],
        "curator": ["member", "admin", "curator"],
    }


@pytest.mark.parametrize("role", ["", "owner", "ADMIN", "administrator"])
def test_what_is_no_role_counts_as_a_member(role):
    assert may(role, "member")
    assert not may(role, "admin")
    assert not may(role, "curator")


def test_everybody_is_admin_of_their_own_private_chat_but_no_curator():
    assert role_of(private=True) == "admin"
    assert role_of() == "member"
    assert role_of(admin=True) == "admin"
    assert role_of(curator=True) == "curator"


def test_the_refusal_carries_what_was_asked_and_who_may():
    refusal = NotAllowed("reload", "curator")

    assert (refusal.command, refusal.role) == ("reload", "curator")
    assert str(refusal) == "/reload is for the curators of this chat."
