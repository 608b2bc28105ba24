"""Two networks as one matcher."""

import pytest
import torch

from conftest import small_model


def given_():
    torch.manual_seed(1)
    lengths = torch.tensor([3, 6, 1])
    ids = torch.randint(4, 20, (3, 6))
    ids[torch.arange(6)[None] >= lengths[:, None]] = 0
    return torch.randn(4, 5, 9), ids, lengths


@pytest.mark.parametrize("module", ["sgr", "saf", "cosine", "vsepp", "scan", "chan"])
def test_a_score_is_the_mean_of_two_networks(module):
    model = small_model(module, networks=2).eval()
    features, ids, lengths = given_()
    with torch.inference_mode():
        images, captions = model.encode_images(features), model.encode_captions(ids, lengths)
        items = model.image_items(images)[:2], model.caption_items(captions, lengths)[:2]
        found, quick = model.pair_scores(*items, lengths), model.global_scores(items[0][1], items[1][1])
        assert torch.equal(found, model.scores(images, captions, lengths))
        wanted, guesses, weights = [], [], []
        for network in model.networks:
            mine = network.encode_images(features), network.encode_captions(ids, lengths)
            sides = network.image_items(mine[0])[1], network.caption_items(mine[1], lengths)[1]
            wanted.append(network.scores(*mine, lengths))
            guesses.append(network.global_scores(*sides))
            weights += [network.attention(*mine, lengths)] if network.has_attention else []
        assert not torch.allclose(*wanted)
        torch.testing.assert_close(found, sum(wanted) / 2)
        torch.testing.assert_close(quick, sum(guesses) / 2)
        if weights:
            torch.testing.assert_close(model.attention(images, captions, lengths), sum(weights) / 2)
        words, counts = model.key_words(captions, lengths, 2)
        assert model.pair_scores(items[0], (words, items[1][1]), counts).shape == (4, 3)
    for name in ("fixed_regions", "reads_ragged", "mixes_images", "has_attention"):
        assert getattr(model, name) == getattr(model.networks[0], name)
