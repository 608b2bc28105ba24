import json

import pytest
from test_rankings import HOSTILE, browser  # noqa: F401

from vslnb.browser.rankings import LISTS, BrowserState
from vslnb.browser.session import Session, inline
from vslnb.errors import InputError


@pytest.fixture
def session(browser):  # noqa: F811
    return Session(browser, inline(browser.split))


def test_a_view_is_json_with_every_row_of_the_view_model(session):
    content = json.loads(json.dumps(session.view))
    assert [column["model"] for column in content["columns"]] == ["saf", "cosine"]
    for column, rows in zip(content["columns"], session.browser.view(session.state).columns):
        assert [(r["rank"], r["item"], r["hit"], r["pinned"]) for r in column["rows"]] == [
            (r.rank, r.item, r.hit, r.pinned) for r in rows.rows
        ]
        assert all(r["picture"].startswith("data:image/jpeg;base64,") for r in column["rows"])
    assert content["place"] == "query 0 (0 to 49)" and content["error"] == ""


def test_requests_move_the_view(session):
    session.ask({"kind": "step", "by": -1})
    assert session.state.query == 49
    session.ask({"kind": "list", "name": "hardest"})
    queries = session.queries
    assert session.state.query == queries[0] and f"1 of {len(queries)}" in session.view["place"]
    session.ask({"kind": "step", "by": 1})
    assert session.state.query == queries[1]
    content = session.view["state"]
    session.ask(
        {"kind": "state", "state": content | {"direction": "image_to_text", "query": 2, "curated": ""}}
    )
    assert session.state.direction == "image_to_text" and session.view["columns"][0]["rows"][0]["caption"]
    session.ask({"kind": "random"})
    session.ask(
        {"kind": "state", "state": session.view["state"] | {"direction": "text_to_image", "text": HOSTILE}}
    )
    assert session.view["free"] and session.view["query"]["text"] == HOSTILE and not session.view["error"]
    link = session.view["link"]
    again = Session(session.browser, session.address, BrowserState.from_link(link))
    assert again.view == session.view


def test_a_link_into_a_list_goes_on_in_the_list(session):
    session.ask({"kind": "list", "name": list(LISTS)[1]})
    queries = session.queries
    session.ask(
        {"kind": "state", "state": session.view["state"] | {"models": ["saf"]}}
    )  # nothing gains on itself
    assert "empty" in session.view["error"] and session.queries == queries
    session.ask({"kind": "state", "state": session.view["state"]})
    again = Session(session.browser, session.address, BrowserState.from_link(session.view["link"]))
    assert again.queries == session.queries and again.view == session.view


def test_a_look_shows_the_result_beside_the_truth(session):
    row = next(r for r in session.view["columns"][0]["rows"] if not r["hit"])
    session.ask({"kind": "look", "model": "saf", "item": row["item"]})
    wrong, truth = session.look["sides"]
    assert "a miss" in wrong["title"] and "the truth" in truth["title"]
    assert len(wrong["weights"]) == len(wrong["words"]) and len(wrong["boxes"]) == 4
    assert wrong["words"][wrong["word"]] not in ("<start>", "<end>")
    session.ask({"kind": "look", "model": "cosine", "item": row["item"]})
    assert "no attention" in session.look["error"]
    session.ask({"kind": "step", "by": 1})
    assert session.look == {}


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"kind": "nothing"},
        {"kind": "list", "name": "no such list"},
        {"kind": "state"},
        {"kind": "state", "state": {"models": "saf"}},
        {"kind": "state", "state": [1]},
    ],
)
def test_a_request_that_cannot_be_is_an_error_and_changes_nothing(session, request_):
    before = session.state
    session.ask(request_)
    assert session.view["error"] and session.state == before
    session.ask({"kind": "look", "model": "x", "item": None})
    assert "not in the view" in session.look["error"]


def test_states_of_wrong_kinds_are_refused(session):
    for change in ({"query": "1"}, {"query": 1.5}, {"top": True}, {"models": "ab"}, {"text": None}):
        session.ask({"kind": "state", "state": session.view["state"] | change})
        assert "not a state" in session.view["error"]


def test_a_picture_outside_the_data_set_is_not_read(dataset):
    from vslnb.data.precomp import load_split

    for line in ("../secret.png", "/etc/passwd"):
        (dataset / "test_pictures.txt").write_text((line + "\n") * 10)
        with pytest.raises(InputError, match="line 1.*leads out"):
            load_split(dataset, "test").pictures()


def test_thumbnails_are_made_once_and_small(session, monkeypatch):
    first = session.address(3, 128)
    monkeypatch.setattr("vslnb.browser.session.shrunk", lambda *a: pytest.fail("made again"))
    assert session.address(3, 128) is first and len(first) < 10_000
