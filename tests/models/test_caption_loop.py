"""The loop over captions that the benchmarks measure against computes what the engine does."""

import pytest
import torch

import caption_loop
from conftest import small_model
from vslnb.losses import TripletLoss
from vslnb.models.build import ARCHITECTURES

SETTINGS = [
    *((module, {}) for module in ARCHITECTURES),
    *(
        ("scan", {"direction": d, "aggregation": a})
        for d in ("t2i", "i2t")
        for a in ("mean", "lse", "max", "sum")
    ),
    *(("imram", {"mode": mode, "num_steps": steps}) for mode in ("text", "image") for steps in (1, 3)),
]


def embeddings(model, lengths=(3, 6, 1, 4)):
    torch.manual_seed(2)
    lengths = torch.tensor(lengths)
    ids = torch.randint(4, 20, (len(lengths), int(lengths.max())))
    features = torch.randn(len(lengths), 5, 9, dtype=torch.float64)
    return model.encode_images(features), model.encode_captions(ids, lengths), lengths


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("module, changes", SETTINGS)
def test_scores_and_gradients_are_the_engines(module, changes, training):
    found = []
    for loop in (False, True):
        model = small_model(module, dropout=0.0, **changes).double().train(training)
        given = embeddings(model)
        scores = caption_loop.scores(model, *given) if loop else model.scores(*given)
        if not loop and model.caption_statistics is not None:
            model.update_statistics(model.caption_statistics)
        TripletLoss(negatives="all")(scores).backward()
        buffers = dict(model.named_buffers())
        found.append((scores, {n: p.grad for n, p in model.named_parameters()}, buffers))
    (ours, gradients, buffers), (theirs, their_gradients, their_buffers) = found
    assert ours.shape == (4, 4) and (ours - theirs).abs().max() < 1e-9
    for name, gradient in gradients.items():
        other = their_gradients[name]
        assert (gradient is None) == (other is None), name
        assert gradient is None or (gradient - other).abs().max() < 1e-8, name
    assert all(torch.allclose(value, their_buffers[name]) for name, value in buffers.items())


@pytest.mark.parametrize("mode", ["text", "image", "full"])
def test_imram_with_the_plain_memory_gives_the_same_scores(mode):
    ours = small_model("imram", mode=mode).double().eval()
    plain = caption_loop.PlainIMRAM(ours.config).double().eval()
    plain.load_state_dict(ours.state_dict())
    given = embeddings(ours)
    assert (ours.scores(*given) - plain.scores(*given)).abs().max() < 1e-12
