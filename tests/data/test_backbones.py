"""Backbones by name; a detector gives every photo boxes of its own."""

import numpy as np
import pytest
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


def test_the_detector_with_random_weights(tmp_path):
    torch, detection = pytest.importorskip("torch"), pytest.importorskip("torchvision.models.detection")
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
