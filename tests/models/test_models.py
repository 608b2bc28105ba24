import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import reference
from conftest import DEVICES, GOLDEN, shared, small_model
from vslnb.config import MODULES
from vslnb.device import matmul_precision
from vslnb.errors import InputError
from vslnb.losses import Objective
from vslnb.models import blocks, load_released
from vslnb.models.alignment import linear_of_square
from vslnb.retrieval.similarity import similarity_matrix


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("module", ["sgr", "saf"])
def test_released_checkpoints_give_the_golden_numbers(module, device):
    golden = np.load(GOLDEN / "similarity.npz")
    model = load_released(shared(f"golden/released_{module}.pth.tar")).to(device)
    assert not model.training
    lengths, ids = torch.from_numpy(golden["caption_lengths"]), torch.from_numpy(golden["caption_ids"])
    with torch.inference_mode(), matmul_precision("float32"):
        images = model.encode_images(torch.from_numpy(golden["images"]).to(device))
        captions = model.encode_captions(ids.to(device), lengths)
        scores = model.scores(images, captions, lengths)
    np.testing.assert_allclose(images.cpu(), golden[f"image_embeddings_{module}"], atol=1e-5)
    np.testing.assert_allclose(captions.cpu(), golden[f"caption_embeddings_{module}"], atol=1e-5)
    np.testing.assert_allclose(scores.cpu(), golden[f"similarity_{module}"], atol=1e-5)
    blocks = similarity_matrix(model, golden["images"], golden["caption_ids"], golden["caption_lengths"])
    np.testing.assert_allclose(blocks, golden[f"similarity_{module}"], atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 5)])
def test_a_linear_layer_of_squares_has_autograds_gradients(shape):
    torch.manual_seed(0)
    layer, found = torch.nn.Linear(5, 3).double(), []
    for fast in (False, True):
        x = torch.linspace(-2, 2, int(np.prod(shape)), dtype=torch.float64).view(shape).requires_grad_()
        layer.zero_grad()
        y = linear_of_square(x, layer) if fast else layer(x**2)
        (y.sin() * 3).sum().backward()
        found.append((y, x.grad, layer.weight.grad.clone(), layer.bias.grad.clone()))
    assert all((a - b).abs().max() < 1e-12 for a, b in zip(*found))
    with torch.no_grad():
        assert torch.equal(linear_of_square(x.detach().clone(), layer), found[0][0])


def pairs(model, images, lengths, device="cpu"):
    """Embeddings in float64 and lengths of random captions."""
    ids = torch.randint(4, 20, (len(lengths), max(lengths)))
    lengths = torch.tensor(lengths)
    ids[torch.arange(ids.shape[1])[None] >= lengths[:, None]] = 0
    features = torch.randn(images, model.config.num_regions, 9, dtype=torch.float64)
    return model.encode_images(features.to(device)), model.encode_captions(ids.to(device), lengths), lengths


@pytest.mark.parametrize("module", ["sgr", "saf", "cosine"])
@settings(max_examples=10, deadline=None)
@given(
    st.integers(1, 6),
    st.lists(st.integers(1, 9), min_size=1, max_size=7),
    st.integers(1, 6),
    st.sampled_from([1, 500, 2**21]),
)
@example(images=1, lengths=[1], regions=1, block=1)
@example(images=3, lengths=[4], regions=1, block=2**21)
@example(images=2, lengths=[9, 1, 5, 1], regions=5, block=500)
def test_fast_scores_equal_the_loop_over_captions(module, images, lengths, regions, block):
    model = small_model(module, num_regions=regions).double().eval()
    before, blocks.BLOCK = blocks.BLOCK, block
    try:
        with torch.no_grad():
            regions, captions, lengths = pairs(model, images, lengths)
            fast = model.scores(regions, captions, lengths)
            assert (fast - reference.scores(model, regions, captions, lengths)).abs().max() < 1e-9
            assert all((captions[c, n:] == 0).all() for c, n in enumerate(lengths))
    finally:
        blocks.BLOCK = before


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("keep", [0, 2**26])
@pytest.mark.parametrize("regions", [1, 5])
@pytest.mark.parametrize("module", ["sgr", "saf"])
def test_training_equals_the_loop(module, regions, keep, device, monkeypatch):
    """Scores, gradients and SAF's running statistics as if captions came one at a time, blocks or not."""
    monkeypatch.setattr(blocks, "BLOCK", 300)
    monkeypatch.setattr(blocks, "WORDS", 1)
    monkeypatch.setattr(blocks, "KEEP", keep)
    monkeypatch.setattr(blocks, "CUDA_BLOCK", 300)
    fast, slow = (
        small_model(module, num_regions=regions, dropout=0.0).double().train().to(device) for _ in range(2)
    )
    for model in (fast, slow):  # the loop computes the image globals once a caption: keep them out of it
        model.image_global.eval()
    torch.manual_seed(1)
    a = pairs(fast, 4, [3, 7, 1, 5], device)
    torch.manual_seed(1)
    b = pairs(slow, 4, [3, 7, 1, 5], device)
    objective = Objective(beta=10, temperature=0.05)
    semantics = torch.randn(4, 4).double().to(device)
    objective(fast.scores(*a), semantics)["loss"].backward()
    if module == "saf":
        fast.update_statistics(fast.caption_statistics)
    objective(reference.scores(slow, *b), semantics)["loss"].backward()
    for (name, x), y in zip(fast.named_parameters(), slow.parameters()):
        assert (x.grad is None) == (y.grad is None), name
        if x.grad is not None:
            assert (x.grad - y.grad).abs().max() < 1e-8, name
    for (name, x), y in zip(fast.named_buffers(), slow.buffers()):
        assert (x - y).abs().max() < 1e-9, name


@pytest.mark.parametrize("module", MODULES)
def test_a_step_and_an_evaluation_block_make_no_tensor_on_the_wrong_device(module):
    model = small_model(module).to("meta").train()
    lengths = torch.tensor([4, 2, 5])
    ids, features = torch.ones(3, 5, dtype=torch.long, device="meta"), torch.ones(3, 5, 9, device="meta")

    def scores():
        return model.scores(model.encode_images(features), model.encode_captions(ids, lengths), lengths)

    semantics = torch.ones(3, 3, device="meta")
    Objective(beta=10, beta_text=10)(scores(), semantics, semantics, "violating")["loss"].backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
    torch.optim.Adam(model.parameters()).step()
    model.eval()
    with torch.inference_mode():
        assert scores().device.type == "meta"


def test_a_matrix_of_nothing_and_arguments_that_do_not_fit():
    model = small_model("saf")
    features, ids, lengths = np.zeros((2, 5, 9), np.float32), np.ones((3, 4), np.int16), [4, 2, 3]
    assert similarity_matrix(model, features, ids, lengths).shape == (2, 3)
    assert similarity_matrix(model, features, ids[:0], []).shape == (2, 0)
    assert similarity_matrix(model, features[:0], ids, lengths).shape == (0, 3)
    for images, words, counts, message in (
        (features[:, :, :8], ids, lengths, "the model reads images"),
        (features, ids, lengths[:2], "lengths"),
        (features, ids, [4, 2, 5], "lengths go from 1"),
        (features, ids, [4, 0, 3], "lengths go from 1"),
        (features, ids + 99, lengths, "ids go from 0"),
    ):
        with pytest.raises(ValueError, match=message):
            similarity_matrix(model, images, words, counts)


class Hostile:
    def __reduce__(self):
        import os

        return os.system, ("touch hostile_was_here",)


def test_a_hostile_checkpoint_is_refused_and_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": [{}, {}, {}], "opt": Hostile()}, tmp_path / "bad.pth.tar")
    with pytest.raises(InputError, match=r"bad\.pth\.tar: refused.*nothing in it was run"):
        load_released(tmp_path / "bad.pth.tar")
    assert not (tmp_path / "hostile_was_here").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None, {"model": []}, [1, 2]])
def test_other_files_are_refused_by_name(tmp_path, content):
    path = tmp_path / "x.pth.tar"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(InputError, match=r"x\.pth\.tar"):
        load_released(path)
