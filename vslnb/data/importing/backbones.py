"""Backbones by name."""

from __future__ import annotations

from pathlib import Path

from vslnb.data.importing.features import Backbone, EfficientNetLite0
from vslnb.errors import InputError

FASTER_RCNN = "faster-rcnn-v2-36"
KNOWN_BACKBONES = (EfficientNetLite0.name, FASTER_RCNN)  # as data sets name them
NAMES = ("efficientnet-lite0", "faster-rcnn")


def backbone_by_name(name: str | None = None, device: str = "cpu", weights: Path | None = None) -> Backbone:
    """The backbone that a name means; EfficientNet-Lite0 for none.

    Args:
        name: one of `NAMES`.
        device: where it runs.
        weights: a file of the detector's weights; None looks where torchvision keeps them.

    Raises:
        InputError: for another name, packages that are not installed, or weights that are not there.
    """
    name = name or NAMES[0]
    if name in (NAMES[0], EfficientNetLite0.name):
        return EfficientNetLite0(device)
    if name in (NAMES[1], FASTER_RCNN):
        from vslnb.data.importing.detector import FasterRCNN

        return FasterRCNN(device, weights)
    raise InputError(f"--backbone {name}", "there is no such backbone", f"Use one of {', '.join(NAMES)}.")
