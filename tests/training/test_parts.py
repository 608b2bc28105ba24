"""Parts of training that one method brought and all may use."""

import numpy as np
import pytest
from test_loop import tiny

from vslnb.training.trainer import Trainer


def test_the_unit_of_tau_reaches_the_loss_and_the_log(dataset):
    config = tiny(loss__temperature_unit="spread", loss__temperature=0.1, loss__vsl_warmup_epochs=0)
    assert config.hash != tiny(loss__temperature=0.1, loss__vsl_warmup_epochs=0).hash
    trainer = Trainer(config, dataset, "cpu")
    batch = trainer.loader.load(np.arange(20))
    _, scores = trainer.losses(batch, 1, 0)
    live = trainer.diagnose(batch, scores, 1)["live"]
    assert live == pytest.approx(trainer.diagnose(batch, 10 * scores, 1)["live"], abs=1e-3)
    semantics = trainer.targets.images(batch, 1)
    one, ten = (trainer.objective(scale * scores, semantics)["visual"].item() for scale in (1, 10))
    assert one == pytest.approx(ten, rel=1e-4)
