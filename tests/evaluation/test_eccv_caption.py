"""The further labels of MSCOCO."""

import numpy as np
import pytest

from vslnb.errors import InputError
from vslnb.evaluation.eccv_caption import coco_labels


def test_the_labels_of_coco():
    from eccv_caption import Metrics

    labels = Metrics()
    columns = {caption: k for k, caption in enumerate(labels.coco_ids.tolist())}
    rows = {labels.coco_gts["t2i"][caption][0]: k // 5 for caption, k in columns.items()}
    scores = np.zeros((5000, 25000), dtype=np.float32)
    for image, found in labels.eccv_gts["i2t"].items():
        scores[rows[image], [columns[caption] for caption in found if caption in columns]] = 1
    perfect = coco_labels(scores)  # two of the 22,550 labels name captions of other images
    assert perfect["eccv_r1"]["i2t"] == 100 > perfect["eccv_map_at_r"]["i2t"] > 99.9
    assert perfect["eccv_map_at_r"]["t2i"] < 100
    own = np.repeat(np.eye(5000, dtype=np.float32), 5, axis=1)
    assert min(coco_labels(own)["cxc_r1"].values()) > 99.9  # a few own captions were rated a poor match
    with pytest.raises(InputError, match="testall"):
        coco_labels(scores[:10])
