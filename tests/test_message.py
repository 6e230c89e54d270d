from bot.chat.message import Action, Button, Card, Message, Pager, Text


def test_an_action_is_typed_with_the_root_of_its_platform():
    action = Action("topic", "nlp/对话", page=2, ref="~abcdefgh")

    assert action.typed() == "/topic nlp/对话 --page 2"
    assert action.typed("/digest ") == "/digest topic nlp/对话 --page 2"
    assert Action("week").typed() == "/week"


def test_a_message_knows_what_asks_for_its_next_page():
    on = Action("topic", "nlp", page=2)
    first = Message((Text("…"), Pager("Page 1 of 2", next=Button("Next page", on))))
    last = Message((Text("…"), Pager("Page 2 of 2", previous=Button("Previous page", Action("topic", "nlp")))))

    assert first.more == on
    assert last.more is None
    assert Message(()).more is None


def test_a_message_lists_its_cards_with_children_after_their_parent():
    child = Card("b", "VideoBERT", "https://example.org/b")
    parent = Card("a", "Cross-modal", "https://example.org/a", children=(child,))

    assert [card.id for card in Message((Text("…"), parent)).cards()] == ["a", "b"]
