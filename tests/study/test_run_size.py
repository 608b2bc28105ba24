"""What a plan says of a run's files is what they take."""

import pytest
from test_loop import tiny

import vslnb.training.checkpoint
from conftest import write_dataset
from vslnb.config import LossConfig
from vslnb.data.manifest import write_lines
from vslnb.data.precomp import write_manifest
from vslnb.recipes import recipe
from vslnb.semantics import CaptionSpace
from vslnb.study.run_size import size_of_run, size_of_space
from vslnb.study.step_cost import DataSizes, sizes_of
from vslnb.training.loop import train


def bytes_of(folder):
    """Of the files that are no text; logs and results are small beside them in a run of any length."""
    return sum(
        path.stat().st_size for path in folder.rglob("*") if path.suffix in (".safetensors", ".npz", ".npy")
    )


def captions_of(count):
    """Captions of nine words, none of them twice in one, and no word in all of them."""
    return [" ".join(f"w{k * step % 5003}" for step in range(1, 10)) for k in range(1, count + 1)]


@pytest.mark.parametrize("name", ["world-cosine", "world-cosine-vsl"])
def test_a_run_takes_what_is_said_while_it_trains_and_after(tmp_path, monkeypatch, name):
    data = write_dataset(tmp_path / "data", {"train": 100, "dev": 10, "test": 10})
    write_lines(data / "train_caps.txt", captions_of(500))
    write_manifest(data, "made by the tests", 5)
    config = tiny(name, training__epochs=2)
    run, during = tmp_path / "run", []
    write_json = vslnb.training.checkpoint.write_json

    def write(path, content):  # of a checkpoint, after its tensors and before it takes the place of the last
        write_json(path, content)
        during.append(bytes_of(run))

    monkeypatch.setattr(vslnb.training.checkpoint, "write_json", write)
    train(config, data, run, device="cpu", progress=False)
    said = size_of_run(config, sizes_of(data, "world"))
    assert said.kept == pytest.approx(bytes_of(run), rel=0.05)
    assert said.kept + said.aside == pytest.approx(max(during), rel=0.05)


@pytest.mark.parametrize("kind", ["tfidf", "cider", "cider_d"])
@pytest.mark.parametrize("count", [0, 2])
def test_a_caption_space_takes_what_is_said(tmp_path, kind, count):
    sizes = DataSizes({"train": 480}, {"train": 2400}, regions=4, feature_dim=6, vocab_size=5006, words=9.0)
    read = [caption for k, caption in enumerate(captions_of(2400)) if k % 5 < (count or 5)]
    CaptionSpace.fit(read, count or 5, kind).save(tmp_path / "space.npz")
    loss = LossConfig(beta=1.0, similarity=kind, captions_per_image=count)
    assert size_of_space(loss, sizes) == pytest.approx((tmp_path / "space.npz").stat().st_size, rel=0.1)


def test_a_space_is_counted_where_a_loss_reads_one():
    sizes = DataSizes({"train": 10}, {"train": 50}, regions=4, feature_dim=6, vocab_size=30, words=5.0)
    assert size_of_space(recipe("world-saf").loss, sizes) == 0
    assert size_of_space(LossConfig(beta_text=1.0), sizes) == size_of_space(LossConfig(slack=1.0), sizes) > 0
    assert size_of_space(LossConfig(beta=1.0, similarity="sentence"), sizes) == 50 * 384 * 4
