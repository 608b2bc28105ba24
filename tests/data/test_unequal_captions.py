"""Photos with one to N captions: all are used, from the import to the browser."""

import numpy as np
import pytest
from test_importing import MeanColour, make_photos

from vslnb.browser.load import load_browser
from vslnb.browser.rankings import BrowserState
from vslnb.config import LossConfig
from vslnb.data.check import check_dataset
from vslnb.data.importing.dataset import import_captions
from vslnb.data.precomp import load_split
from vslnb.errors import InputError
from vslnb.evaluation.intervals import recalls_by_image
from vslnb.evaluation.ncs import ncs
from vslnb.evaluation.recall_at_k import fold_mean, positive_ranks, recall
from vslnb.evaluation.secondary_content import caption_concepts
from vslnb.recipes import recipe
from vslnb.semantics import CaptionSpace
from vslnb.training.loop import train
from vslnb.training.targets import fit_space


def captions_file(path, counts):
    rows = [f"p{i:02d}.jpg,thing {i % 7} seen {k} times" for i, n in enumerate(counts) for k in range(n)]
    path.write_text("image,caption\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def unequal(tmp_path):
    counts = [1 + i % 7 for i in range(40)]
    photos, file = make_photos(tmp_path / "photos"), captions_file(tmp_path / "c.csv", counts)
    import_captions(photos, file, tmp_path / "d", backbone=MeanColour(), progress=False)
    return tmp_path / "d", sum(counts)


def test_all_captions_of_all_photos_are_used_by_default(unequal):
    data, total = unequal
    splits = [load_split(data, name) for name in ("train", "dev", "test")]
    assert sum(len(split) for split in splits) == 40
    assert sum(len(split.captions) for split in splits) == total
    assert all(passed for _, passed, _ in check_dataset(data))
    train_split = splits[0]
    for image, name in enumerate(train_split.ids):
        own = [text for text, of in zip(train_split.captions, train_split.owner) if of == image]
        assert len(own) == 1 + int(name[1:3]) % 7 and all(
            f"thing {int(name[1:3]) % 7} " in text for text in own
        )
    part = train_split.rest(3).head(5)
    assert len(part) == 5 and len(part.captions) == part.starts[-1] == sum(part.captions_per_image)
    assert part.captions == train_split.captions[train_split.starts[3] : train_split.starts[8]]


def test_the_loss_may_read_the_first_captions_of_each(unequal):
    split = load_split(unequal[0], "train")
    space = fit_space(LossConfig(captions_per_image=2), split)
    first = [split.captions[split.starts[k] : split.starts[k + 1]][:2] for k in range(len(split))]
    counts = tuple(map(len, first))
    wanted = CaptionSpace.fit([text for own in first for text in own], counts, "cider")
    np.testing.assert_array_equal(space.image_similarity(), wanted.image_similarity())
    with pytest.raises(InputError, match="all of them where beta_text"):
        fit_space(LossConfig(captions_per_image=2, beta_text=1.0), split)


def test_a_number_leaves_out_the_few_with_a_count(tmp_path):
    photos, file = (
        make_photos(tmp_path / "p"),
        captions_file(tmp_path / "c.csv", [1 + i % 7 for i in range(40)]),
    )
    said = []
    report = import_captions(
        photos, file, tmp_path / "d", 5, backbone=MeanColour(), progress=False, say=said.append
    )
    kept = [i for i in range(40) if 1 + i % 7 >= 5]
    assert sum(report["images"].values()) == len(kept)
    assert f"{40 - len(kept)} photos with fewer than 5 captions, left out" in "\n".join(said)
    assert report["captions_dropped"] == sum(1 + i % 7 - 5 for i in kept)


def test_unequal_photos_are_trained_evaluated_and_browsed(unequal, tmp_path):
    data, _ = unequal
    sizes = {"model.embed_dim": 6, "model.sim_dim": 4, "model.word_dim": 5, "training.batch_size": 20}
    config = recipe("world-saf-vsl").with_settings(sizes | {"training.epochs": 1})
    results = train(config, data, tmp_path / "run", device="cpu", progress=False)
    assert 0 <= results["test"]["rsum"] <= 600
    browser = load_browser([tmp_path / "run"], progress=False)
    for direction in ("image_to_text", "text_to_image"):
        view = browser.view(BrowserState(("run",), direction, query=3))
        assert view.columns[0].ground_truth_rank >= 1


def loop_recall(scores, counts):
    """Recall with counts, by loops."""
    owner = [i for i, n in enumerate(counts) for _ in range(n)]
    by_image = []
    for i, row in enumerate(scores):
        best = max(s for s, o in zip(row, owner) if o == i)
        by_image.append(sum(s >= best and o != i for s, o in zip(row, owner)))
    by_caption = [
        sum(scores[j][c] >= scores[o][c] and j != o for j in range(len(counts))) for c, o in enumerate(owner)
    ]
    return by_image, by_caption


def test_evaluation_with_counts_agrees_with_loops_and_with_one_number():
    rng, counts = np.random.default_rng(0), [1, 4, 2, 5, 3, 1]
    scores = rng.integers(0, 5, (6, sum(counts))).astype(float)
    ranks = positive_ranks(scores, counts)
    by_image, by_caption = loop_recall(scores, counts)
    assert ranks["image_to_text"].tolist() == by_image and ranks["text_to_image"].tolist() == by_caption
    result = recall(scores, counts)
    assert recalls_by_image(ranks, counts)[:, 6].mean() == pytest.approx(result["rsum"])
    even = rng.random((6, 12))
    assert recall(even, 2) == recall(even, [2] * 6)
    np.testing.assert_allclose(
        recalls_by_image(positive_ranks(even, 2)), recalls_by_image(positive_ranks(even, 2), [2] * 6)
    )
    assert fold_mean(even, 3, 2) == fold_mean(even, 3, [2] * 6)
    relevance = rng.random(even.shape)
    assert ncs(even, relevance, 3, False, 2) == ncs(even, relevance, 3, False, [2] * 6)
    texts = ["a dog", "the dog runs", "a cat"]
    assert caption_concepts(texts, [2, 1])[0] == [{"dog"}, set()]
    for wrong in ([1, 4], [0, 5, 2, 5, 3, 1], [6] * 6):
        with pytest.raises(ValueError, match="one row an image"):
            recall(scores, wrong)


@pytest.mark.parametrize("content", ["3\n", "0\n" * 4, "x\n" * 4, "9" * 30 + "\n"])
def test_damaged_counts_are_named(unequal, content):
    data, _ = unequal
    (data / "test_counts.txt").write_text(content)
    with pytest.raises(InputError, match="test_counts"):
        load_split(data, "test")
