"""A real detector: torchvision's Faster R-CNN v2, 36 boxes a photo by score, its box features as regions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vslnb.data.photos import read_photo
from vslnb.errors import InputError

FILE = "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth"  # as torchvision names its weights
OVERLAP = 0.5  # of two boxes, above which the one of lower score waits behind all others
LONGEST = 1333  # pixels of a side, as the detector was trained


class FasterRCNN:
    """36 boxes a photo and the 1,024 numbers that the detector's box head has of each.

    Args:
        device: where it runs.
        weights: a file of the detector's weights; None looks where torchvision keeps what it downloaded.
        state: the weights themselves, in place of a file.

    Raises:
        InputError: if torchvision is not installed, or the weights are not there or of another model.
    """

    name = "faster-rcnn-v2-36"
    size, regions, width = LONGEST, 36, 1024
    boxes = None  # every photo has its own

    def __init__(
        self, device: str = "cpu", weights: Path | None = None, state: dict[str, Tensor] | None = None
    ):
        try:
            from torchvision.models.detection import fasterrcnn_resnet50_fpn_v2
        except (ImportError, RuntimeError) as fault:  # RuntimeError: built for another torch
            problem, remedy = f"torchvision cannot be used ({fault})", 'Run `pip install "vslnb[detector]"`.'
            raise InputError("--backbone faster-rcnn", problem, remedy) from None
        model = fasterrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None)
        path = Path(weights) if weights else Path(torch.hub.get_dir()) / "checkpoints" / FILE
        try:
            model.load_state_dict(_read(path, bool(weights)) if state is None else state)
        except (RuntimeError, TypeError, AttributeError) as fault:
            reason = " ".join(str(fault).split())[:160]
            raise InputError(path, f"not the weights of this detector ({reason})", f"Name {FILE}.") from None
        self.device, self.model = device, model.eval().to(device)

    def read(self, path: str | Path) -> np.ndarray:
        """One photo (height, width, 3) uint8 with its own shape, its longer side at most 1,333 pixels."""
        photo = read_photo(path, at_least=LONGEST)
        photo.thumbnail((LONGEST, LONGEST))
        return np.array(photo)

    def __call__(self, photos: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Features (B, 36, 1024) float32 and boxes (B, 36, 4), shares of width and height, of photos of any shape."""
        found = [self._regions(photo) for photo in photos]
        return np.stack([features for features, _ in found]), np.stack([boxes for _, boxes in found])

    @torch.inference_mode()
    def _regions(self, photo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        heads = self.model.roi_heads
        pixels = torch.from_numpy(photo).to(self.device).permute(2, 0, 1).float() / 255
        images, _ = self.model.transform([pixels])
        maps = self.model.backbone(images.tensors)
        proposals, _ = self.model.rpn(images, maps)
        logits, moves = heads.box_predictor(
            heads.box_head(heads.box_roi_pool(maps, proposals, images.image_sizes))
        )
        (height, width), things = images.image_sizes[0], logits.softmax(1)[:, 1:]  # class 0 is no thing
        scores, kinds = things.max(1)
        boxes = heads.box_coder.decode(moves, proposals)[torch.arange(len(kinds)), kinds + 1]
        limits = torch.tensor([width, height, width, height], device=boxes.device)
        boxes = torch.minimum(boxes.clamp(min=0), limits)
        chosen = boxes[_best(boxes, scores, self.regions)]
        features = heads.box_head(heads.box_roi_pool(maps, [chosen], images.image_sizes))
        return features.cpu().numpy(), (chosen / limits).cpu().numpy()


def _best(boxes: Tensor, scores: Tensor, wanted: int) -> Tensor:
    """Indices of so many boxes: by score, those that overlap a better one last; repeated where there are fewer."""
    from torchvision.ops import nms

    apart = nms(boxes, scores, OVERLAP)
    waiting = torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
    waiting[apart] = False
    order = torch.cat(
        [
            apart,
            torch.arange(len(boxes), device=boxes.device)[waiting][scores[waiting].argsort(descending=True)],
        ]
    )
    return order.repeat(-(-wanted // max(len(order), 1)))[:wanted]


def _read(path: Path, named: bool) -> dict[str, Tensor]:
    if not path.is_file():
        problem = "the detector's weights are not there, and nothing is downloaded without being asked"
        remedy = f"Name the file with --weights, or put torchvision's {FILE} there."
        raise InputError(path, "there is no such file" if named else problem, remedy)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as fault:  # torch.load raises many kinds for a damaged file
        reason = str(fault).splitlines()[0][:120] if str(fault) else type(fault).__name__
        raise InputError(path, f"not a readable file of weights ({reason})", f"Copy {FILE} again.") from None
