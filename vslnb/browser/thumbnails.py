"""Images of a split as small JPEGs."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from functools import lru_cache

from PIL import Image

from vslnb.data.precomp import Split
from vslnb.figures.rankings import read_picture

SMALL, LARGE = 128, 448  # pixels of the longer side
Address = Callable[[int, int], str]  # where the picture of (image, pixels of the longer side) is to be had


def jpeg(split: Split, image: int, size: int) -> bytes:
    """The picture of an image as a JPEG whose longer side is at most `size` pixels."""
    picture = Image.fromarray(read_picture(split, image))
    picture.thumbnail((size, size))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=82)
    return stream.getvalue()


def inline_pictures(split: Split) -> Address:
    """Addresses that hold the picture itself; each is made once."""

    @lru_cache(maxsize=4096)
    def address(image: int, size: int) -> str:
        return "data:image/jpeg;base64," + base64.b64encode(jpeg(split, image, size)).decode()

    return address
