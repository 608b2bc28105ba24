"""Architectures by name."""

from __future__ import annotations

from vslnb.config import ModelConfig
from vslnb.models.chan import CHAN
from vslnb.models.cosine import Cosine
from vslnb.models.ensemble import Ensemble
from vslnb.models.gpo import GPO
from vslnb.models.imram import IMRAM
from vslnb.models.matcher import Matcher
from vslnb.models.saf import SAF
from vslnb.models.scan import SCAN
from vslnb.models.sgr import SGR
from vslnb.models.vsepp import VSEPP
from vslnb.models.vsrn import VSRN

ARCHITECTURES: dict[str, type[Matcher]] = {
    "saf": SAF,
    "sgr": SGR,
    "cosine": Cosine,
    "vsepp": VSEPP,
    "gpo": GPO,
    "scan": SCAN,
    "vsrn": VSRN,
    "imram": IMRAM,
    "chan": CHAN,
}


def build_model(config: ModelConfig) -> Matcher:
    """The model of a configuration, with fresh weights from torch's global generator; of two networks an `Ensemble`.

    >>> build_model(ModelConfig("saf", embed_dim=8, sim_dim=4, vocab_size=9)).global_is_exact
    False
    """
    networks = [ARCHITECTURES[config.module](config) for _ in range(config.networks)]
    return networks[0] if len(networks) == 1 else Ensemble(config, networks)
