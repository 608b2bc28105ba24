"""What each word adds to a score: sums to it, and is what a literal loop over the words says."""

import pytest
import torch
from test_zoo import ARCHITECTURES, inputs

from conftest import small_model
from reference import l2
from reference_zoo import attended
from reference_zoo import cosine as cosine_of

SUMS = [
    ("cosine", {}),
    ("saf", {}),
    ("scan", {}),
    ("scan", {"aggregation": "sum"}),
    ("imram", {"mode": "text", "num_steps": 1}),
    ("imram", {"mode": "text", "num_steps": 3}),
]


@pytest.mark.parametrize("module, changes", SUMS)
def test_shares_add_up_to_the_score(module, changes):
    model = small_model(module, **changes).double().eval()
    features, ids, lengths = inputs(3, [3, 6, 4])
    with torch.inference_mode():
        images, captions = model.encode_images(features), model.encode_captions(ids, lengths)
        scores = model.scores(images, captions, lengths)
        shares, rest = model.word_shares(images, captions, lengths)
        alone, _ = model.word_shares(images[:1], captions[1:2], lengths[1:2])
    assert shares.shape == (3, 3, 6) and rest.shape == (3, 3)
    assert (shares[:, 0, 3:] == 0).all() and (shares[:, 2, 4:] == 0).all()
    total = scores.logit() if model.shares_of == "logit" else scores
    torch.testing.assert_close(shares.sum(2) + rest, total, atol=1e-9, rtol=0)
    assert shares[:, :, :3].std() > 1e-4  # a share is a word's own
    torch.testing.assert_close(alone, shares[:1, 1:2])


def by_hand(model, regions, words, image_global):
    """The share of every word (W,) of one pair, literally."""
    module = model.config.module
    if module in ("scan", "imram"):  # one step: IMRAM is SCAN
        cosines = [cosine_of(word, seen) for word, seen in zip(words, attended(words, regions, 9))]
        return torch.stack(cosines) / len(words)
    t = model.text_global
    local, whole = torch.tanh(t.local(words)), torch.tanh(t.whole(words.mean(0)))
    parts = torch.softmax(t.common(local * whole).squeeze(1), 0)[:, None] * words
    if module == "cosine":
        return torch.stack([part @ image_global for part in parts]) / parts.sum(0).norm()
    seen = l2(attended(words, regions, 9))
    nodes = [l2(model.alignment.whole((image_global - l2(parts.sum(0))) ** 2))]
    nodes += [l2(model.alignment.local((a - w) ** 2)) for a, w in zip(seen, words)]
    logits = torch.stack([model.filtration.attention(node) for node in nodes])
    weights = torch.sigmoid(model.filtration.norm(logits)).squeeze(1)
    kept = [weight / weights.sum() * node for weight, node in zip(weights, nodes)]
    length = torch.stack(kept).sum(0).norm()
    return torch.stack([model.head.weight[0] @ node / length for node in kept[1:]])


@pytest.mark.parametrize("module", ["cosine", "saf", "scan", "imram"])
def test_a_share_is_the_words_own(module):
    changes = {"mode": "text", "num_steps": 1} if module == "imram" else {}
    model = small_model(module, **changes).double().eval()
    features, ids, lengths = inputs(2, [5])
    with torch.inference_mode():
        images, captions = model.encode_images(features), model.encode_captions(ids, lengths)
        shares, _ = model.word_shares(images, captions, lengths)
        wholes = model.image_items(images)[1]
        for b in range(2):
            wanted = by_hand(model, images[b], captions[0], wholes[b])
            torch.testing.assert_close(shares[b, 0], wanted, atol=1e-7, rtol=0)


def test_a_score_that_is_no_sum_says_so():
    for module, changes in [*ARCHITECTURES, ("sgr", {}), ("saf", {}), ("cosine", {})]:
        sums = module in ("saf", "cosine") or (module, changes.get("mode")) == ("imram", "text")
        words_ask = module == "scan" and changes["direction"] == "t2i"
        sums |= words_ask and changes["aggregation"] in ("mean", "sum")
        assert bool(small_model(module, **changes).shares_of) == sums, (module, changes)
