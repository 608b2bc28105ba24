"""The picture of speed is drawn from the results that are in the tree."""

from PIL import Image

import plot


def test_the_picture_is_up_to_date():
    with Image.open(plot.ROOT / "figures" / "bench.png") as picture:
        assert picture.text["Source"] == plot.digest(), "python benchmarks/plot.py draws it anew"
