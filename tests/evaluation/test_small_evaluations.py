"""Where few photos are searched, the evaluation says how little that tells."""

import pytest
from typer.testing import CliRunner

from conftest import write_dataset
from vslnb.cli import app
from vslnb.recipes import recipe
from vslnb.training.loop import train


def evaluated(tmp_path, photos: int):
    """What `vslnb evaluate` says of a run on so many test photos."""
    data = write_dataset(tmp_path / "data", {"train": 16, "dev": 4, "test": photos})
    settings = {"training.epochs": 1, "training.batch_size": 20, "model.embed_dim": 6}
    train(recipe("world-cosine").with_settings(settings), data, tmp_path / "run", "cpu", progress=False)
    result = CliRunner().invoke(app, ["evaluate", str(tmp_path / "run"), "--data", str(data)])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_of_one_photo_there_is_no_recall(tmp_path):
    said = evaluated(tmp_path, 1)
    assert "test has one photo: no recall" in said
    assert "rsum" not in said and "600" not in said


@pytest.mark.parametrize(("photos", "few"), [(12, True), (120, False)])
def test_of_a_dozen_there_is_an_interval_and_a_word(tmp_path, photos, few):
    said = evaluated(tmp_path, photos)
    assert ("test has 12 photos: among so few even a model that knows nothing finds many" in said) == few
    assert f"by chance {'8.3' if few else '0.8'}" in said
    assert "95 % of other draws of images" in said
