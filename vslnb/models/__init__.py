"""Architectures of image-text matchers behind one interface, and the authors' checkpoints."""

from vslnb.models.build import build_model
from vslnb.models.matcher import Matcher
from vslnb.models.released import from_released, load_released

__all__ = ["Matcher", "build_model", "from_released", "load_released"]
