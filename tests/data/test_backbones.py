"""Backbones by name; a detector gives every photo boxes of its own."""

import sys
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from test_import_trust import captions_of
from test_importing import make_photos

from vslnb.data.importing.backbones import backbone_by_name
from vslnb.data.importing.dataset import import_captions
from vslnb.data.importing.features import extract
from vslnb.data.photos import read_photo
from vslnb.data.precomp import load_split
from vslnb.errors import InputError


class Finder:
    """A detector of two boxes: their corner is where the photo's mean colour says."""

    name, size, regions, width, boxes = "finder", 8, 2, 3, None

    def read(self, path):
        return np.array(read_photo(path))

    def __call__(self, photos):
        means = np.stack([photo.mean((0, 1)) for photo in photos]).astype(np.float32)
        corner = means[:, :2] / 512
        boxes = np.stack([np.concatenate([corner, corner + 0.25 * k], 1) for k in (1, 2)], 1)
        return np.repeat(means[:, None], 2, axis=1), boxes


def test_every_photo_has_its_own_boxes(tmp_path):
    photos = make_photos(tmp_path / "photos", 12)
    Image.new("RGB", (30, 10), "red").save(photos / "p00.jpg")
    file = captions_of(tmp_path / "c.csv", [f"p{i:02d}.jpg" for i in range(12)])
    import_captions(photos, file, tmp_path / "d", backbone=Finder(), progress=False)
    split = load_split(tmp_path / "d", "train")
    boxes = split.boxes()
    assert boxes.shape == (10, 2, 4) and len(np.unique(boxes[:, 0, 0])) > 5
    for image, path in enumerate(split.pictures()):
        features, expected = Finder()([Finder().read(path)])
        np.testing.assert_allclose(boxes[image], expected[0], rtol=1e-5)
        np.testing.assert_allclose(split.regions([image]), features, rtol=1e-3)


def test_an_interrupted_detector_goes_on_with_its_boxes(tmp_path):
    paths = sorted(make_photos(tmp_path / "photos", 10).iterdir())

    class Interrupted(Finder):
        calls = 0

        def __call__(self, photos):
            Interrupted.calls += 1
            if Interrupted.calls == 3:
                raise KeyboardInterrupt
            return super().__call__(photos)

    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    extract(paths, Finder(), tmp_path / "whole" / "train_ims.npy", batch_size=2, progress=False)
    with pytest.raises(KeyboardInterrupt):
        extract(paths, Interrupted(), tmp_path / "cut" / "train_ims.npy", batch_size=2, progress=False)
    assert not (tmp_path / "cut" / "train_boxes.npy").exists()
    extract(paths, Finder(), tmp_path / "cut" / "train_ims.npy", batch_size=2, progress=False)
    for name in ("train_ims.npy", "train_boxes.npy"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_backbones_are_found_by_name(tmp_path):
    assert backbone_by_name().name == backbone_by_name("efficientnet-lite0").name
    with pytest.raises(InputError, match="no such backbone.*efficientnet-lite0, faster-rcnn"):
        backbone_by_name("resnet")


def overlap(a, b):
    """Shared area over joint area of two boxes."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, float(width)) * max(0.0, float(height))
    area = [float((box[2] - box[0]) * (box[3] - box[1])) for box in (a, b)]
    return shared / (sum(area) - shared)


def nms(boxes, scores, limit):
    """In place of torchvision's: by score, without boxes that overlap a better one."""
    kept = []
    for k in scores.argsort(descending=True).tolist():
        if all(overlap(boxes[k], boxes[other]) <= limit for other in kept):
            kept.append(k)
    return torch.tensor(kept)


class Heads:
    """In place of a detector's heads: three proposals, of which the first two overlap; features are the boxes."""

    proposals = torch.tensor([[0.0, 0, 8, 8], [0, 0, 8, 7], [10, 0, 30, 10]])
    logits = torch.tensor([[0.0, 3, 0], [0, 0, 2], [0, 1, 0]])  # nothing, and two kinds of things

    def __init__(self):
        self.box_coder = SimpleNamespace(decode=lambda moves, proposals: moves)
        self.box_roi_pool = lambda maps, boxes, sizes: boxes[0]

    def box_head(self, boxes):
        return torch.nn.functional.pad(boxes, (0, 1020))

    def box_predictor(self, features):
        boxes = features[:, :4]
        return self.logits, torch.stack([boxes * 0, boxes, boxes], 1)  # one box a kind


class Detector(torch.nn.Module):
    """In place of torchvision's network: photos of 20 by 10, and what `Heads` finds in them."""

    def __init__(self, **settings):
        super().__init__()
        assert settings == {"weights": None, "weights_backbone": None}  # nothing is downloaded
        self.layer = torch.nn.Linear(1, 1)
        self.transform = lambda pixels: (SimpleNamespace(tensors=pixels[0], image_sizes=[(10, 20)]), None)
        self.backbone, self.roi_heads = (lambda pixels: pixels), Heads()
        self.rpn = lambda images, maps: ([Heads.proposals], None)


@pytest.fixture
def stand_in(monkeypatch):
    """torchvision as far as we ask it: a network and `nms`."""
    detection = ModuleType("torchvision.models.detection")
    detection.fasterrcnn_resnet50_fpn_v2 = Detector
    ops = ModuleType("torchvision.ops")
    ops.nms = nms
    names = ("torchvision", "torchvision.models")
    for name, module in [
        *((n, ModuleType(n)) for n in names),
        (detection.__name__, detection),
        (ops.__name__, ops),
    ]:
        monkeypatch.setitem(sys.modules, name, module)


def test_what_a_detector_finds_becomes_36_regions(tmp_path, stand_in):
    torch.save(Detector(weights=None, weights_backbone=None).state_dict(), tmp_path / "w.pth")
    detector = backbone_by_name("faster-rcnn", weights=tmp_path / "w.pth")
    Image.new("RGB", (2000, 1000)).save(tmp_path / "x.png")
    photo = detector.read(tmp_path / "x.png")
    assert photo.shape == (666, 1333, 3) or photo.shape == (667, 1333, 3)
    features, boxes = detector([photo])
    assert features.shape == (1, 36, 1024) and boxes.shape == (1, 36, 4)
    # By score: the first box, the third cut at the edge, and last the second, which the first covers; then again.
    wanted = np.array([[0, 0, 8, 8], [10, 0, 20, 10], [0, 0, 8, 7]])
    np.testing.assert_allclose(features[0, :, :4], np.tile(wanted, (12, 1)))
    np.testing.assert_allclose(boxes[0], np.tile(wanted / [20, 10, 20, 10], (12, 1)), rtol=1e-6)


def test_weights_of_the_detector_that_are_not_are_named(tmp_path, stand_in, monkeypatch):
    torch.save({"x": torch.zeros(1)}, tmp_path / "other.pth")
    (tmp_path / "damaged.pth").write_bytes(b"PK")
    for name, words in (
        ("other", "not the weights of this"),
        ("damaged", "not a readable"),
        ("gone", "no such file"),
    ):
        with pytest.raises(InputError, match=words):
            backbone_by_name("faster-rcnn", weights=tmp_path / f"{name}.pth")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(InputError, match="nothing is downloaded"):
        backbone_by_name("faster-rcnn")


def test_without_torchvision_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.models.detection", None)
    with pytest.raises(InputError, match="vslnb.detector"):
        backbone_by_name("faster-rcnn")


if find_spec("torchvision"):  # the extra `detector`

    def test_the_detector_with_random_weights(tmp_path):
        from torchvision.models import detection

        from vslnb.data.importing.detector import FasterRCNN

        torch.manual_seed(0)
        state = detection.fasterrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None).state_dict()
        torch.save(state, tmp_path / "weights.pth")
        detector = backbone_by_name("faster-rcnn", weights=tmp_path / "weights.pth")
        for name, size in (("wide.png", (160, 90)), ("high.png", (60, 200))):
            noise = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / name)
        features, boxes = detector([detector.read(tmp_path / name) for name in ("wide.png", "high.png")])
        assert features.shape == (2, 36, 1024) and boxes.shape == (2, 36, 4) and np.isfinite(features).all()
        assert (boxes >= 0).all() and (boxes <= 1).all() and (boxes[..., 2:] >= boxes[..., :2]).all()
        assert not np.array_equal(boxes[0], boxes[1])
        with pytest.raises(InputError, match="nothing is downloaded"):
            torch.hub.set_dir(str(tmp_path))
            FasterRCNN()
        torch.save({"x": torch.zeros(1)}, tmp_path / "other.pth")
        with pytest.raises(InputError, match="not the weights of this detector"):
            backbone_by_name("faster-rcnn", weights=tmp_path / "other.pth")
