import json

import numpy as np
import pytest
from test_loop import tiny
from test_rankings import HOSTILE, browser  # noqa: F401

from vslnb.browser.load import load_browser
from vslnb.browser.session import Session
from vslnb.browser.state import LISTS, BrowserState
from vslnb.browser.thumbnails import inline_pictures
from vslnb.errors import InputError
from vslnb.training.loop import train


@pytest.fixture
def session(browser):  # noqa: F811
    return Session(browser, inline_pictures(browser.split))


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
    session.handle({"kind": "step", "by": -1})
    assert session.state.query == 49
    session.handle({"kind": "list", "name": "hardest"})
    queries = session.queries
    assert session.state.query == queries[0] and f"1 of {len(queries)}" in session.view["place"]
    session.handle({"kind": "step", "by": 1})
    assert session.state.query == queries[1]
    content = session.view["state"]
    session.handle(
        {"kind": "state", "state": content | {"direction": "image_to_text", "query": 2, "curated": ""}}
    )
    assert session.state.direction == "image_to_text" and session.view["columns"][0]["rows"][0]["caption"]
    session.handle({"kind": "random"})
    text = HOSTILE + " a dog"
    session.handle(
        {"kind": "state", "state": session.view["state"] | {"direction": "text_to_image", "text": text}}
    )
    assert session.view["free"] and session.view["query"]["text"] == text and not session.view["error"]
    assert session.view["place"] == f"your own words, among the {len(session.browser.split)} pictures of test"
    link = session.view["link"]
    again = Session(session.browser, session.address, BrowserState.from_link(link))
    assert again.view == session.view


def test_a_link_into_a_list_goes_on_in_the_list(session):
    session.handle({"kind": "list", "name": list(LISTS)[1]})
    queries = session.queries
    session.handle(
        {"kind": "state", "state": session.view["state"] | {"models": ["saf"]}}
    )  # nothing gains on itself
    assert "empty" in session.view["error"] and session.queries == queries
    session.handle({"kind": "state", "state": session.view["state"]})
    again = Session(session.browser, session.address, BrowserState.from_link(session.view["link"]))
    assert again.queries == session.queries and again.view == session.view


def test_attention_shows_the_result_beside_the_ground_truth(session):
    row = next(r for r in session.view["columns"][0]["rows"] if not r["hit"])
    session.handle({"kind": "attention", "model": "saf", "item": row["item"]})
    miss, ground_truth = session.attention["sides"]
    assert "a miss" in miss["title"] and "ground truth" in ground_truth["title"]
    assert len(miss["weights"]) == len(miss["words"]) and len(miss["boxes"]) == 4
    assert miss["words"][miss["word"]] not in ("<start>", "<end>")
    assert (
        len(miss["shares"]) == len(miss["words"]) and "its sigmoid is the similarity" in miss["shares_note"]
    )
    session.handle({"kind": "attention", "model": "cosine", "item": row["item"]})
    side = session.attention["sides"][0]
    assert side["weights"] == [] and len(side["shares"]) == len(side["words"])
    session.handle({"kind": "attention", "model": "saf", "item": -1})
    assert "not on the page" in session.attention["error"]
    session.handle({"kind": "step", "by": 1})
    assert session.attention == {}


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
    session.handle(request_)
    assert session.view["error"] and session.state == before
    session.handle({"kind": "attention", "model": "x", "item": None})
    assert "not on the page" in session.attention["error"]


def test_states_of_wrong_kinds_are_refused(session):
    for change in ({"query": "1"}, {"query": 1.5}, {"top": True}, {"models": "ab"}, {"text": None}):
        session.handle({"kind": "state", "state": session.view["state"] | change})
        (name,) = change
        assert f"state, {name}: the page sent no " in session.view["error"]
    for state in ({}, session.view["state"] | {"more": 1}, None):
        session.handle({"kind": "state", "state": state})
        assert "incomplete state" in session.view["error"]


def test_a_picture_outside_the_data_set_is_not_read(dataset):
    from vslnb.data.precomp import load_split

    for line in ("../secret.png", "/etc/passwd"):
        (dataset / "test_pictures.txt").write_text((line + "\n") * 10)
        with pytest.raises(InputError, match="line 1.*leads out"):
            load_split(dataset, "test").pictures()


def test_thumbnails_are_made_once_and_small(session, monkeypatch):
    first = session.address(3, 128)
    monkeypatch.setattr("vslnb.browser.thumbnails.jpeg", lambda *a: pytest.fail("made again"))
    assert session.address(3, 128) is first and len(first) < 10_000


def test_an_open_result_stays_open_and_a_move_builds_the_view_once(session, monkeypatch):
    built, view = [], session.browser.view
    monkeypatch.setattr(session.browser, "view", lambda state: built.append(state) or view(state))
    row = next(r for r in session.view["columns"][0]["rows"] if not r["hit"])
    session.handle({"kind": "attention", "model": "saf", "item": row["item"]})
    assert built == []  # the row is in the view that is shown
    session.handle({"kind": "step", "by": 1})
    assert len(built) == 1
    first_miss = next(r for r in session.view["columns"][0]["rows"] if not r["hit"])
    assert (session.attention["model"], session.attention["item"]) == ("saf", first_miss["item"])
    session.handle({"kind": "list", "name": "no such list"})
    assert session.view["error"] and session.attention == {}


def test_files_of_images_and_unknown_words_are_named(session):
    assert session.view["columns"][0]["rows"][0]["file"].startswith("image test_")
    folder = session.browser.split.folder
    (folder / "test_pictures.txt").write_text("".join(f"pictures/{k}.png\n" for k in range(10)))
    vars(session.browser.split).pop("_pictures")
    rows = Session(session.browser, lambda image, size: "").view["columns"][0]["rows"]
    assert all(row["file"] == f"{row['image']}.png" for row in rows)
    state = session.view["state"] | {"text": "a dog in a spaceship"}
    session.handle({"kind": "state", "state": state})
    assert session.view["query"]["unknown"] == ("spaceship",)


def test_a_model_says_what_it_lacks(session, monkeypatch):
    model, item = session.browser.models["saf"], session.view["columns"][0]["rows"][0]["item"]
    monkeypatch.setattr(type(model), "shares_of", "")
    session.handle({"kind": "attention", "model": "saf", "item": item})
    side = session.attention["sides"][0]
    assert side["shares"] == [] and "no sum over words" in side["shares_note"] and side["weights"]
    monkeypatch.setattr(type(model), "has_attention", False)
    session.handle({"kind": "attention", "model": "saf", "item": item})
    assert "one vector of a whole caption" in session.attention["error"]


def clicked(dataset, run, module):
    """The attention panel after a click on the first result of a trained run."""
    train(tiny(f"world-{module}", training__epochs=1), dataset, run, device="cpu", progress=False)
    loaded = load_browser([run], progress=False)
    session = Session(loaded, inline_pictures(loaded.split))
    session.handle(
        {"kind": "attention", "model": run.name, "item": session.view["columns"][0]["rows"][0]["item"]}
    )
    return session.attention


@pytest.mark.parametrize("module, is_a_sum", [("scan", True), ("imram", True), ("chan", False)])
def test_a_run_of_the_zoo_shows_where_its_words_look(dataset, tmp_path, module, is_a_sum):
    for side in clicked(dataset, tmp_path / "run", module)["sides"]:
        weights = np.array(side["weights"])
        assert weights.shape == (len(side["words"]), 4) and weights.std() > 0
        assert np.allclose(weights.sum(1), 100, atol=0.25)  # four numbers, each rounded to a tenth
        assert len(side["shares"]) == (len(side["words"]) if is_a_sum else 0)


def test_a_run_of_one_vector_a_caption_says_so(dataset, tmp_path):
    said = clicked(dataset, tmp_path / "run", "gpo")
    assert said == {
        "error": "gpo makes one vector of a whole caption: its words look at nothing, one by one."
    }


def test_a_free_text_is_warned_of_before_it_ranks(session):
    before = session.view
    assert session.warning("a dog in a spaceship") == {"unknown": ["spaceship"], "refused": ""}
    assert session.warning("the dog") == session.warning("  ") == {"unknown": [], "refused": ""}
    assert "none of these words" in session.warning("zebras fly")["refused"]
    assert session.view is before
    state = session.state
    session.handle({"kind": "state", "state": before["state"] | {"text": "zebras fly"}})
    assert "none of these words" in session.view["error"] and session.state == state
