import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from conftest import GOLDEN
from vslnb.losses import NEGATIVES, ContrastiveLoss, Objective, TripletLoss, VisualSemanticLoss
from vslnb.ranking import RANKS, hard_rank, in_unit, soft_rank
from vslnb.training.diagnostics import live_share


def golden(name):
    return np.load(GOLDEN / "loss.npz")[name]


def test_released_ranks_and_losses_are_golden():
    scores = torch.tensor(golden("scores"), requires_grad=True)
    semantics = torch.tensor(golden("semantics"))
    np.testing.assert_allclose(
        soft_rank(scores.detach(), variant="released"), golden("rank_scores"), atol=1e-5
    )
    np.testing.assert_allclose(soft_rank(semantics, variant="released"), golden("rank_semantics"), atol=1e-5)
    loss = 10 * VisualSemanticLoss(rank="released")(scores, semantics)
    (gradient,) = torch.autograd.grad(loss, scores)
    assert abs(loss.item() - golden("visual_semantic_loss_times_10")) < 1e-5
    np.testing.assert_allclose(gradient, golden("visual_semantic_gradient"), atol=1e-5)
    loss = TripletLoss(float(golden("margin")))(scores)
    (gradient,) = torch.autograd.grad(loss, scores)
    assert abs(loss.item() - golden("triplet_hardest")) < 1e-5
    np.testing.assert_allclose(gradient, golden("triplet_hardest_gradient"), atol=1e-5)
    assert abs(TripletLoss(0.2, "all")(scores).item() - golden("triplet_sum")) < 1e-5


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 7), st.sampled_from(RANKS), st.integers(0, 999), st.sampled_from([1, 3, 50]))
def test_against_the_literal_loops(n, variant, seed, block):
    torch.manual_seed(seed)
    scores, semantics = torch.randn(2, n, n, dtype=torch.float64) * 0.1
    ranks = soft_rank(scores, 0.02, variant, block)
    np.testing.assert_allclose(ranks, reference.soft_rank(scores.tolist(), 0.02, variant), atol=1e-9)
    loss = VisualSemanticLoss(0.02, variant)(scores, semantics)
    wanted = reference.visual_semantic_loss(scores.tolist(), semantics.tolist(), 0.02, variant)
    assert abs(loss.item() - wanted) < 1e-9 and 0 <= loss.item() < 1
    for negatives in NEGATIVES:
        wanted = reference.triplet(scores.tolist(), 0.2, negatives)
        assert abs(TripletLoss(0.2, negatives)(scores).item() - wanted) < 1e-9


@pytest.mark.parametrize("variant", RANKS)
def test_gradients(variant):
    torch.manual_seed(0)
    m = (torch.randn(5, 5, dtype=torch.float64) * 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: soft_rank(x, 0.1, variant, 2), m)
    semantics = torch.randn(5, 5).double()
    assert torch.autograd.gradcheck(lambda x: VisualSemanticLoss(0.1, variant)(x, semantics), m)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 8), st.sampled_from(["paper", "descending"]), st.integers(0, 999))
def test_properties_of_ranks(n, variant, seed):
    torch.manual_seed(seed)
    m = torch.stack([torch.randperm(n) for _ in range(n)]).double()
    ranks = soft_rank(m, 1e-3, variant)
    np.testing.assert_allclose(ranks, reference.hard_rank(m.tolist(), variant), atol=1e-9)
    np.testing.assert_allclose(soft_rank(m**3 + 7, 1e-3, variant), ranks, atol=1e-9)
    columns = torch.randperm(n)
    np.testing.assert_allclose(soft_rank(m[:, columns], 1e-3, variant), ranks[:, columns], atol=1e-9)
    total = n * (n + 1) / 2 + (n / 2 if variant == "paper" else 0)
    soft = soft_rank(torch.randn(n, n).double(), 0.5, variant).sum(1)
    np.testing.assert_allclose(soft, total, atol=1e-9)
    assert VisualSemanticLoss(rank=variant)(m, m).item() == pytest.approx(0, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.sampled_from(RANKS), st.integers(0, 999))
def test_hard_ranks_are_the_limit_of_soft_ones_ties_and_all(n, variant, seed):
    torch.manual_seed(seed)
    m = torch.randint(0, 5, (n, n)).double()
    np.testing.assert_allclose(hard_rank(m, variant), soft_rank(m, 1e-3, variant), atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 8), st.sampled_from(["paper", "descending"]), st.integers(0, 999))
def test_the_loss_is_zero_exactly_when_the_ranks_agree(n, variant, seed):
    torch.manual_seed(seed)
    a, b = (torch.stack([torch.randperm(n) for _ in range(n)]).double() for _ in range(2))
    loss, agree = VisualSemanticLoss(1e-3, variant)(a, b).item(), torch.equal(a, b)
    assert 0 <= loss < 1 and (loss == pytest.approx(0, abs=1e-9)) == agree


def test_arrays_and_integers_are_taken():
    scores = np.arange(9.0).reshape(3, 3)
    assert torch.equal(
        soft_rank(scores, variant="descending"), soft_rank(torch.tensor(scores), variant="descending")
    )
    assert soft_rank(torch.arange(9).reshape(3, 3))[0].tolist() == [1.5, 2.5, 3.5]
    assert VisualSemanticLoss()(torch.tensor(scores), scores).item() == pytest.approx(0)


@pytest.mark.parametrize("variant", RANKS)
def test_float32_is_safe_at_tiny_temperatures(variant):
    m = (torch.randn(9, 9) * 100).requires_grad_()
    ranks = soft_rank(m, 1e-5, variant)
    ranks.sum().backward()
    assert torch.isfinite(ranks).all() and torch.isfinite(m.grad).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 9), st.integers(0, 999))
def test_live_share_counts_close_pairs(n, seed):
    m = np.random.default_rng(seed).integers(0, 8, (n, n)) * 0.004
    close = [abs(m[i, j] - m[i, k]) < 0.01 for i in range(n) for j in range(n) for k in range(n) if j != k]
    assert live_share(torch.tensor(m)) == pytest.approx(np.mean(close))


@pytest.mark.parametrize("variant", RANKS)
def test_tau_in_units_of_the_spread_is_blind_to_the_scale_of_scores(variant):
    torch.manual_seed(0)
    scores, semantics = torch.randn(2, 6, 6, dtype=torch.float64)
    deviation, own = scores.numpy().std(), semantics.numpy().std()
    loss = VisualSemanticLoss(0.1, variant, unit="spread")
    wanted = reference.visual_semantic_loss(
        (scores / deviation).tolist(), (semantics / own).tolist(), 0.1, variant
    )
    assert loss(scores, semantics).item() == pytest.approx(wanted, abs=1e-9)
    for scaled, alike in ((10 * scores, semantics), (scores, 10 * semantics)):
        assert loss(scaled, alike).item() == pytest.approx(wanted, abs=1e-9)
    assert loss(7 * semantics, semantics).item() == pytest.approx(0, abs=1e-9)
    absolute = VisualSemanticLoss(0.1, variant)
    assert abs(absolute(10 * scores, semantics) - absolute(scores, semantics)) > 1e-3
    scores.requires_grad_()  # the deviation is a number: the gradient is that of tau * deviation in the scores' units
    (gradient,) = torch.autograd.grad(loss(scores, semantics), scores)
    fixed = in_unit(scores.detach(), "spread").requires_grad_()
    (plain,) = torch.autograd.grad(absolute(fixed, semantics / own), fixed)
    torch.testing.assert_close(gradient, plain / deviation)
    assert live_share(in_unit(10 * scores, "spread"), 0.01) == live_share(scores, 0.01 * deviation)


def test_equal_scores_have_no_spread_and_a_finite_gradient():
    for size in (1, 4):
        scores = torch.full((size, size), 0.5, requires_grad=True)
        loss = VisualSemanticLoss(unit="spread")(scores, torch.rand(size, size))
        loss.backward()
        assert torch.isfinite(loss) and torch.isfinite(scores.grad).all()


def test_objective_adds_up_and_is_even_at_the_start():
    scores, semantics = torch.full((6, 6), 0.5), torch.rand(6, 6)
    parts = Objective(beta=10, beta_text=2, temperature=0.1)(scores, semantics, semantics.T)
    total = parts["triplet"] + 10 * parts["visual"] + 2 * parts["textual"]
    assert parts["loss"].item() == pytest.approx(total.item())
    for negatives in ("hardest", "violating"):  # 2 * B * margin
        assert Objective()(scores, negatives=negatives)["loss"].item() == pytest.approx(2 * 6 * 0.2)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match="square"):
        soft_rank(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        TripletLoss()(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="differ"):
        VisualSemanticLoss()(torch.zeros(2, 2), torch.zeros(3, 3))
    with pytest.raises(ValueError, match="variant"):
        soft_rank(torch.zeros(2, 2), variant="best")
    with pytest.raises(ValueError, match="variant"):
        VisualSemanticLoss(rank="best")
    with pytest.raises(ValueError, match="absolute, spread"):
        VisualSemanticLoss(unit="metre")
    with pytest.raises(ValueError, match="positive"):
        soft_rank(torch.zeros(2, 2), temperature=0)


@pytest.mark.parametrize("negatives", ["hardest", "all", "violating"])
@pytest.mark.parametrize("slack", [0.5, 1.0])
def test_margins_by_likeness_are_those_of_the_literal_loop(negatives, slack):
    rng = np.random.default_rng(1)
    scores, alike = rng.random((7, 7)), rng.random((7, 7)) - 0.1
    alike[np.diag_indices(7)] = rng.uniform(0.2, 0.5, 7)  # some negatives are liker than the pair itself
    loss = TripletLoss(0.2, negatives, slack)
    found = loss(torch.from_numpy(scores), torch.from_numpy(alike))
    assert found.item() == pytest.approx(reference.triplet(scores, 0.2, negatives, slack, alike))
    assert (
        found.item() < TripletLoss(0.2, negatives)(torch.from_numpy(scores), torch.from_numpy(alike)).item()
    )
    assert (
        loss(torch.from_numpy(scores)).item() == TripletLoss(0.2, negatives)(torch.from_numpy(scores)).item()
    )
    given = torch.from_numpy(scores).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss(s, torch.from_numpy(alike)), given)


@pytest.mark.parametrize("negatives", ["hardest", "all", "violating", "mean"])
@pytest.mark.parametrize("left_out", [0.2, 0.6, 0.99])
def test_negatives_that_are_nearly_right_are_left_out_as_in_the_literal_loop(negatives, left_out):
    rng = np.random.default_rng(2)
    scores, alike = rng.random((7, 7)), rng.random((7, 7)) - 0.1
    alike[np.diag_indices(7)] = rng.uniform(0.5, 0.9, 7)
    loss = TripletLoss(0.2, negatives, left_out=left_out)
    found = loss(torch.from_numpy(scores), torch.from_numpy(alike))
    wanted = reference.triplet(scores, 0.2, negatives, c=alike, left_out=left_out)
    assert found.item() == pytest.approx(wanted)
    everything = TripletLoss(0.2, negatives)(torch.from_numpy(scores)).item()
    assert loss(torch.from_numpy(scores)).item() == everything
    given = torch.from_numpy(scores).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss(s, torch.from_numpy(alike)), given)


def test_a_negative_at_the_threshold_is_left_out():
    scores, alike = torch.tensor([[0.5, 0.5], [0.4, 0.5]]), torch.tensor([[0.4, 0.2], [0.0, 0.4]])
    # Caption 1 is half as similar to image 0 as its own: no negative of the pair 0, in either direction.
    assert TripletLoss(0.2, "all", left_out=0.5)(scores, alike).item() == pytest.approx(0.1 + 0.2)
    assert TripletLoss(0.2, "all", left_out=0.6)(scores, alike).item() == pytest.approx(0.2 + 0.1 + 0.1 + 0.2)


@pytest.mark.parametrize("softness", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_the_contrastive_loss_is_that_of_the_literal_loop(softness, temperature):
    rng = np.random.default_rng(3)
    scores, alike = rng.uniform(-1, 1, (6, 6)), rng.random((6, 6)) - 0.2
    alike[np.diag_indices(6)] = 1
    loss = ContrastiveLoss(temperature, softness)
    found = loss(torch.from_numpy(scores), torch.from_numpy(alike))
    assert found.item() == pytest.approx(reference.contrastive(scores, temperature, softness, alike))
    given = torch.from_numpy(scores).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss(s, torch.from_numpy(alike)), given)


def test_without_softness_or_similarity_the_contrastive_loss_is_infonce():
    scores = torch.rand(5, 5)
    plain = ContrastiveLoss()(scores)
    assert ContrastiveLoss(softness=0.5)(scores).item() == plain.item()
    own = torch.arange(5)
    cross = torch.nn.functional.cross_entropy
    wanted = 5 * (cross(scores / 0.05, own) + cross(scores.T / 0.05, own))
    assert plain.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_a_pair_that_has_nothing_in_common_keeps_its_label():
    scores, nothing = torch.rand(4, 4), torch.zeros(4, 4)
    for softness in (0.2, 1.0):
        found = ContrastiveLoss(softness=softness)(scores, nothing)
        assert found.item() == pytest.approx(ContrastiveLoss()(scores).item())


@pytest.mark.parametrize("left_out", [-0.1, 1.1])
def test_a_share_of_similarity_that_cannot_be_is_refused(left_out):
    with pytest.raises(ValueError, match="left_out"):
        TripletLoss(left_out=left_out)


def test_the_objective_adds_the_contrastive_loss_with_its_weight():
    scores, alike = torch.rand(4, 4), torch.rand(4, 4)
    parts = Objective(alpha=0, contrast=2, contrast_temperature=0.1, softness=0.3)(scores, alike)
    assert parts["loss"].item() == pytest.approx(2 * ContrastiveLoss(0.1, 0.3)(scores, alike).item())
    assert "contrast" not in Objective()(scores, alike)


@pytest.mark.parametrize("wrong", [{"temperature": 0}, {"softness": -0.1}, {"softness": 1.1}])
def test_a_contrastive_loss_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ContrastiveLoss(**wrong)


def test_a_negative_as_alike_as_the_pair_has_no_margin():
    scores, alike = torch.tensor([[0.5, 0.5], [0.4, 0.5]]), torch.tensor([[0.3, 0.3], [0.0, 0.3]])
    # Image 0 and caption 0 meet likeness 1: no margin, no cost. The others keep 0.2.
    assert TripletLoss(0.2, "all", 1.0)(scores, alike).item() == pytest.approx(0.1 + 0.2)
