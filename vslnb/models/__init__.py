"""SGR, SAF and cosine matchers, and the authors' checkpoints."""

from vslnb.models.matcher import Matcher
from vslnb.models.released import load_released

__all__ = ["Matcher", "load_released"]
