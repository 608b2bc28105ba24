import numpy as np
import pytest
import torch

from conftest import small_model
from vslnb.config import MODULES, ModelConfig
from vslnb.data.precomp import load_split, load_vocabulary
from vslnb.errors import InputError
from vslnb.models import build_model
from vslnb.retrieval import similarity
from vslnb.retrieval.gallery import Gallery, search
from vslnb.retrieval.matrix_store import MatrixFile
from vslnb.retrieval.shortlist import shortlist_scores
from vslnb.retrieval.similarity import encode_captions, encode_images, similarity_matrix, split_scores


def items(images=30, captions=40):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(images, 5, 9)).astype(np.float32)
    lengths = rng.integers(1, 8, captions)
    ids = rng.integers(4, 20, (captions, 7)) * (np.arange(7) < lengths[:, None])
    return features, ids, lengths


def filled(folder, model, kind, parts=2):
    features, ids, lengths = items()
    gallery = Gallery(folder, kind, "weights")
    for rows in np.array_split(np.arange(len(features) if kind == "images" else len(ids)), parts):
        if kind == "images":
            gallery.add(len(rows), encode_images(model, [features[rows[:3]], features[rows[3:]]]))
        else:
            gallery.add(len(rows), encode_captions(model, ids[rows], lengths[rows]))
    return gallery


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("kind", ["images", "captions"])
def test_a_shortlist_of_everything_is_exact_and_new_items_are_found(tmp_path, module, kind):
    model = small_model(module).eval()
    features, ids, lengths = items()
    filled(tmp_path / "g", model, kind)
    gallery = Gallery(tmp_path / "g", kind, "weights")
    scores = similarity_matrix(model, features, ids, lengths)
    scores = scores.T if kind == "images" else scores
    for query in (0, 7):
        one = slice(query, query + 1)
        (asked,) = (
            encode_captions(model, ids[one], lengths[one])
            if kind == "images"
            else encode_images(model, [features[one]])
        )
        found, values = search(model, gallery, asked, top=5, shortlist=len(gallery))
        np.testing.assert_allclose(values, np.sort(scores[query])[::-1][:5], atol=1e-5)
        np.testing.assert_allclose(scores[query][found], values, atol=1e-5)


def test_old_items_are_not_written_again(tmp_path):
    model = small_model("saf").eval()
    gallery = filled(tmp_path / "g", model, "images", parts=1)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "g").glob("0000.*")}
    gallery.add(2, encode_images(model, [items()[0][:2]]))
    assert len(gallery) == 32 and len(gallery.globals()) == 32
    assert before == {path.name: path.stat().st_mtime_ns for path in (tmp_path / "g").glob("0000.*")}
    parts, globals_, _ = gallery.take(torch.tensor([31, 0, 1]))
    assert torch.equal(parts[0], parts[2]) and torch.equal(globals_[0], globals_[2])


def test_a_gallery_of_other_weights_or_damaged_is_refused(tmp_path):
    filled(tmp_path / "g", small_model("saf").eval(), "images")
    for kind, weights in (("images", "others"), ("captions", "weights")):
        with pytest.raises(InputError, match="other weights"):
            Gallery(tmp_path / "g", kind, weights)
    (tmp_path / "g" / "0001.parts.npy").write_bytes(b"short")
    with pytest.raises(InputError, match="damaged"):
        Gallery(tmp_path / "g", "images", "weights")


@pytest.mark.parametrize("module", MODULES)
def test_global_scores_are_a_quick_guess_and_key_words_are_words_of_the_caption(module):
    model = small_model(module).eval()
    features, ids, lengths = items()
    with torch.inference_mode():
        (a,), (b,) = encode_images(model, [features]), encode_captions(model, ids, lengths)
        quick = model.global_scores(a.globals, b.globals)
        assert quick.shape == (30, 40) and torch.isfinite(quick).all()
        if model.global_is_exact:
            assert torch.equal(quick, model.pair_scores(a.items, b.items, b.lengths))
        words, counts = model.key_words(b.parts, b.lengths, 3)
        if b.parts.ndim == 2:
            assert torch.equal(words, b.parts)
            return
        assert words.shape[1] == 3 and torch.equal(counts, b.lengths.clamp(max=3))
        for caption, chosen, count in zip(b.parts, words, counts):
            assert all((caption == word).all(1).any() for word in chosen[:count])
        if module not in ("saf", "sgr", "cosine"):
            return
        weights = model.text_global.weights(b[0], torch.arange(7)[None] < b[2][:, None])
        assert torch.equal(words[:, 0], b[0][torch.arange(40), weights.argmax(1)])


@pytest.mark.parametrize("module", MODULES)
def test_a_kept_matrix_goes_on_where_it_was_cut_short(tmp_path, monkeypatch, module):
    monkeypatch.setattr(similarity, "CAPTIONS", 16)  # three blocks
    model, (features, ids, lengths) = small_model(module).eval(), items()
    exact = similarity_matrix(model, features, ids, lengths)
    monkeypatch.setattr(MatrixFile, "add", cut_short(MatrixFile.add, after=1))
    with pytest.raises(KeyboardInterrupt):
        similarity_matrix(model, features, ids, lengths, keep=tmp_path / "m")
    monkeypatch.undo()
    monkeypatch.setattr(similarity, "CAPTIONS", 16)
    encode, encoded = similarity.encode_captions, []
    monkeypatch.setattr(similarity, "encode_captions", lambda *a: encoded.append(1) or encode(*a))
    kept = similarity_matrix(model, features, ids, lengths, keep=tmp_path / "m")
    assert len(encoded) == 2 and np.array_equal(kept, exact)
    with pytest.raises(InputError, match="another model or other data"):
        similarity_matrix(model, features + 1, ids, lengths, keep=tmp_path / "m")
    (tmp_path / "m" / "scores.npy").write_bytes(b"short")
    with pytest.raises(InputError, match="damaged"):
        similarity_matrix(model, features, ids, lengths, keep=tmp_path / "m")


def cut_short(add, after):
    count = iter(range(100))

    def stopping(self, *block):
        if next(count) >= after:
            raise KeyboardInterrupt
        add(self, *block)

    return stopping


@pytest.mark.parametrize("module", ["saf", "scan", "chan", "vsepp"])
def test_a_shortlist_compares_its_pairs_in_full_and_ranks_the_others_behind(dataset, module):
    split, vocabulary = load_split(dataset, "train"), load_vocabulary(dataset)
    sizes = {"embed_dim": 16, "sim_dim": 4, "word_dim": 8, "vocab_size": len(vocabulary)}
    model = build_model(ModelConfig(module, num_regions=4, feature_dim=6, **sizes)).eval()
    exact = split_scores(model, split, vocabulary)
    np.testing.assert_allclose(shortlist_scores(model, split, vocabulary, 1), exact, atol=1e-6)
    short = shortlist_scores(model, split, vocabulary, 10)
    full = np.isclose(short, exact, atol=1e-5, rtol=0)
    if model.global_is_exact:
        assert full.all()
        return
    assert short[~full].max() < short[full].min()
    n, c = exact.shape
    assert (full.sum(1) >= c // 10).all() and (full.sum(0) >= n // 10).all()
    assert full.sum() <= 2 * n * c / 10
