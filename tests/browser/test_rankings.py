import dataclasses

import numpy as np
import pytest

from vslnb.browser.curated_lists import curated_queries
from vslnb.browser.rankings import Browser
from vslnb.browser.state import LISTS, SECONDARY, BrowserState
from vslnb.config import ModelConfig
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.errors import InputError
from vslnb.evaluation.recall_at_k import DIRECTIONS, positive_ranks
from vslnb.evaluation.secondary_content import concepts_of
from vslnb.models import build_model
from vslnb.retrieval.gallery import Gallery
from vslnb.retrieval.similarity import encode_images, similarity_matrix

HOSTILE = "<script>alert(1)</script> & \"quotes' \u202eright to left"


@pytest.fixture
def browser(dataset, tmp_path):
    path = dataset / "test_caps.txt"
    captions = path.read_text().splitlines()
    captions[7] = HOSTILE
    path.write_text("\n".join(captions) + "\n")
    split, vocabulary = load_split(dataset, "test"), load_vocabulary(dataset)
    sizes = {"embed_dim": 16, "sim_dim": 4, "word_dim": 8, "vocab_size": len(vocabulary), "feature_dim": 6}
    models = {
        name: build_model(ModelConfig(name, num_regions=4, **sizes)).eval() for name in ("saf", "cosine")
    }
    rng, galleries = np.random.default_rng(0), {}
    scores = {name: rng.random((10, 50)).round(1).astype(np.float32) for name in models}  # with ties
    for name, model in models.items():
        galleries[name] = Gallery(tmp_path / name, "images", "w")
        galleries[name].add(10, encode_images(model, [split.regions(slice(None))]))
    return Browser(split, vocabulary, models, scores, galleries)


@pytest.mark.parametrize("direction", ["image_to_text", "text_to_image"])
def test_rows_are_the_ranking_and_the_ground_truth_is_always_there(browser, direction):
    for query in range(10):
        state = BrowserState(("saf", "cosine"), direction, query, top=5)
        for column in browser.view(state).columns:
            matrix = browser.scores[column.model]
            assert column.ground_truth_rank == positive_ranks(matrix)[direction][query] + 1
            given = matrix[query] if direction == "image_to_text" else matrix[:, query]
            shown = [row for row in column.rows if not row.pinned]
            assert [row.similarity for row in shown] == sorted(given.tolist(), reverse=True)[:5]
            assert [row.rank for row in shown] == [1, 2, 3, 4, 5]
            for row in column.rows:
                owner = query if direction == "image_to_text" else query // 5
                assert row.hit == (row.image == owner) and row.similarity == given[row.item]
                similar = (
                    browser.space.image_similarity([owner], [row.image])
                    if direction == "text_to_image"
                    else browser.space.caption_image_similarity([row.item], [owner])
                )
                assert row.cider == pytest.approx(float(similar[0, 0]))
            assert any(row.hit and row.rank == column.ground_truth_rank for row in column.rows)
            assert [row.pinned for row in column.rows].count(True) == (column.ground_truth_rank > 5)


def test_pages_go_through_everything_once(browser):
    state = BrowserState(("saf",), query=3, top=5)
    view = browser.view(state)
    assert view.pages == 2 and view.text == browser.split.captions[3]
    pages = [browser.view(dataclasses.replace(state, page=page)).columns[0].rows for page in range(2)]
    assert sorted(row.item for rows in pages for row in rows if not row.pinned) == list(range(10))
    assert browser.view(dataclasses.replace(state, page=99)).state.page == 1


def test_a_link_restores_the_view_and_a_wrong_one_is_refused(browser):
    state = BrowserState(("saf", "cosine"), text=HOSTILE, top=20)
    assert BrowserState.from_link(state.link()) == state
    assert all(part not in state.link() for part in "<>\"' ")
    for link in ("", "?models=saf", "?models=saf&way=x&query=one&text=&top=5&page=0&curated="):
        with pytest.raises(InputError, match="link"):
            BrowserState.from_link(link)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"models": ("sgr",)}, "models sgr: this browser holds saf, cosine. Choose one, or two different"),
        ({"models": ()}, "models none: .* Choose one"),
        ({"models": ("saf", "saf")}, "models saf, saf: .* two different"),
        ({"models": ("saf", "cosine", "saf")}, "models saf, cosine, saf: .* two different"),
        ({"direction": "sideways"}, "'sideways': there is no such direction. Choose image_to_text or"),
        ({"query": 50}, "query 50: there is no such query. Choose a number from 0 to 49"),
        ({"query": 10, "direction": "image_to_text"}, "query 10: .* from 0 to 9"),
        ({"query": -1}, "query -1: there is no such query"),
        ({"top": 7}, "7 results a page: there is no such page size. Choose one of 5, 10"),
        ({"curated": "best"}, "list 'best': there is no such list. Choose one of: missed by A"),
        ({"text": "x" * 5001}, "free text: 5,001 characters, more than 5,000"),
        ({"text": "a dog", "direction": "image_to_text"}, "free text: it finds images"),
    ],
)
def test_a_state_that_cannot_be_is_refused_with_what_to_do(browser, changes, message):
    with pytest.raises(InputError, match=message):
        browser.view(dataclasses.replace(BrowserState(("saf",)), **changes))


def test_lists_hold_what_they_say(browser):
    for direction in ("image_to_text", "text_to_image"):
        state = BrowserState(("saf", "cosine"), direction)
        a, b = (browser.ranks[name][direction] for name in ("saf", "cosine"))
        found = {name: curated_queries(browser, state, name) for name in LISTS}
        assert set(found["missed by A, found by B"]) == set(np.flatnonzero((a > 0) & (b == 0)))
        assert all(b[query] < a[query] for query in found["largest gain"])
        assert all(b[query] > a[query] for query in found["largest loss"])
        assert found["hardest"][0] == np.minimum(a, b).argmax()
        assert all(a[query] > 0 for query in found[SECONDARY])


def test_a_free_text_is_searched_and_has_no_ground_truth(browser):
    view = browser.view(BrowserState(("saf", "cosine"), text="a dog in the sun", top=5))
    for column in view.columns:
        assert column.ground_truth_rank is None and len(column.rows) == 5
        assert not any(row.hit or row.pinned or row.cider is not None for row in column.rows)
        assert [row.similarity for row in column.rows] == sorted(
            (row.similarity for row in column.rows), reverse=True
        )
    assert browser.view(BrowserState(("saf",), text=HOSTILE + " a dog")).text.startswith("<script>")
    with pytest.raises(
        InputError, match="none of these words is in the model's vocabulary .zebras, fly.*Use words"
    ):
        browser.view(BrowserState(("saf",), text="Zebras fly!"))


def test_words_that_no_model_knows_are_named(browser):
    view = browser.view(BrowserState(("saf",), text="A zebra, a DOG and a zebra in a spaceship!"))
    assert view.unknown_words == ("zebra", "and", "spaceship")
    assert browser.view(BrowserState(("saf",), text="the dog in the sun")).unknown_words == ()
    assert browser.view(BrowserState(("saf",), query=7)).unknown_words == ()  # a caption of the data set


def test_attention_and_shares_are_of_the_words_shown(browser):
    found = browser.explanation(BrowserState(("saf",), query=0), "saf", 4)
    assert found.words[1:-1] == browser.split.captions[0].split() and found.weights.shape[1] == 4
    np.testing.assert_allclose(found.weights.sum(1), 1, atol=1e-5)
    assert len(found.words) == len(found.weights) == len(found.shares)
    for name in ("saf", "cosine"):
        found, model = browser.explanation(BrowserState((name,), query=0), name, 4), browser.models[name]
        scores = similarity_matrix(
            model, browser.split, *browser.vocabulary.encode_all(["a dog", *browser.split.captions[:1]])
        )
        total = float(found.shares.sum()) + found.rest
        assert scores[4, 1] == pytest.approx(1 / (1 + np.exp(-total)) if name == "saf" else total, abs=1e-5)
    assert found.weights is None and found.shares_of == "score"  # of cosine


def test_the_list_of_secondary_matches_names_what_was_shared(browser):
    """By the definition, written out: something named is secondary in the picture, nothing named is main."""
    found = {
        direction: curated_queries(browser, BrowserState(("saf",), direction), SECONDARY)
        for direction in DIRECTIONS
    }
    assert any(found.values())
    subject = []
    for direction, queries in found.items():
        state = BrowserState(("saf",), direction)
        owners = [query // 5 if direction == "text_to_image" else query for query in queries]
        assert len(owners) == len(set(owners))
        for query in queries:
            (column,) = browser.view(dataclasses.replace(state, query=query)).columns
            row = column.rows[0]
            image, caption = (row.item, query) if direction == "text_to_image" else (query, row.item)
            main, secondary, named = (browser.concepts[k][j] for k, j in enumerate((image, image, caption)))
            assert not row.hit and not named & main
            shared = named & secondary
            assert shared and row.shared_words
            assert all(word in shared or concepts_of(word) & shared for word in row.shared_words)
            if direction == "text_to_image":
                subject.append(bool(named & secondary & browser.concepts[0][query // 5]))
    assert subject == sorted(subject)  # what is the subject of the query's own picture comes last


def test_what_was_shared_is_worded_as_in_the_caption(dataset):
    path = dataset / "test_caps.txt"
    ours = ["a boy in shorts", *["a boy"] * 4, "a man wears shorts", *["a man"] * 4]
    path.write_text("\n".join(ours + path.read_text().splitlines()[10:]) + "\n")
    scores = {"a": np.zeros((10, 50), np.float32)}
    view = Browser(load_split(dataset, "test"), None, {}, scores, {}).view(BrowserState(("a",)))
    (other,) = [row for row in view.columns[0].rows if row.image == 1]
    assert other.shared_words == ("shorts",)


def test_a_synonym_of_the_bundled_world_is_marked_for_its_concept(dataset):
    path = dataset / "test_caps.txt"
    path.write_text("\n".join(["a dog near a sailboat", *path.read_text().splitlines()[1:]]) + "\n")
    browser = Browser(load_split(dataset, "test"), None, {}, {}, {})
    main, secondary, named = [{"dog"}, {"cat"}], [set(), {"boat"}], [{"dog", "boat"}]
    vars(browser)["concepts"] = main, secondary, named
    assert browser.shared_words(1, 0) == ("sailboat",)
    assert browser.shared_words(0, 0) == ()  # the dog is main there
