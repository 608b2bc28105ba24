"""Pictures of more than 8 bits a colour, as scanners, microscopes and renderers write them, made 8-bit.

They are scaled by what is in them: many bits rarely use their whole range, and a scan of 12 bits in a file of
16 would be black. Grey goes from zero, or the least value below zero, to the largest value. Colours of 16 bits
keep their range unless they hold 14 bits or fewer.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

from vslnb.errors import InputError

FEW = 64  # of colours of 16 bits Pillow keeps the upper 8; below this they hold 14 bits or fewer
FILLED = 1e30  # from here on a number stands for "no measurement", as maps have it
KIND, BITS, PHOTOMETRIC, PLANAR, EXTRA, FORMAT, DNG = 254, 258, 262, 284, 338, 339, 50706  # tags of a TIFF
SIGNED, ASSOCIATED = 2, 1  # values of FORMAT and of EXTRA

# Pillow decodes these too, but its table of TIFF kinds does not list them: byte order, photometric, format, fill
# order, bits and extra channels; then the mode and how its bytes are read.
for key, modes in {
    (b"MM", 0, (1,), 1, (16,), ()): ("I;16B", "I;16B"),
    (b"MM", 1, (1,), 1, (32,), ()): ("I", "I;32B"),
    (b"II", 1, (3,), 1, (64,), ()): ("F", "F;64F"),
    (b"MM", 1, (3,), 1, (64,), ()): ("F", "F;64BF"),
}.items():
    TiffImagePlugin.OPEN_INFO.setdefault(key, modes)


def eight_bits(path: str | Path, image: Image.Image) -> Image.Image:
    """Decode an opened picture, in 8 bits a colour; its mode may still be any such mode.

    Raises:
        InputError: for a TIFF that holds only a preview, as camera raw files do.
    """
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        _choose_page(path, image)
        _mend_planes(image)
    tiles = _bytes_of(image)
    tags = dict(getattr(image, "tag_v2", {}))
    image.load()
    if image.mode[0] in "IF" or (image.mode == "L" and _first(tags, FORMAT) == SIGNED):
        return _like(image, _scaled_grey(image, tags), "L")
    if tiles[0]:
        upper = np.asarray(image)
        colours = upper if image.mode == "CMYK" else upper[..., :3]
        if colours.max() < FEW or (image.mode == "RGBA" and upper[..., 3].max() < FEW):
            return _scaled_colours(path, image, tiles)
    if image.format == "PPM" and image.mode == "RGB" and np.asarray(image).max() < FEW:
        return _scaled_netpbm(path, image)
    return image


def _first(tags: Any, number: int, default: int = 1) -> int:
    value = tags.get(number, default)
    return value[0] if isinstance(value, tuple) and value else value


def _choose_page(path: str | Path, image: TiffImagePlugin.TiffImageFile) -> None:
    """Go to the first page that is no reduced copy of another.

    Raises:
        InputError: if there is none, or the picture is a camera's raw data.
    """
    if DNG not in image.tag_v2 and not image.tag_v2.get(KIND, 0) & 1:
        return
    for page in range(image.n_frames if DNG not in image.tag_v2 else 0):
        image.seek(page)
        if not image.tag_v2.get(KIND, 0) & 1:
            return
    problem = "it holds a small preview and data that Pillow does not read, as a camera's raw files do"
    raise InputError(path, problem, "Export it as JPEG from the camera's program.")


def _mend_planes(image: TiffImagePlugin.TiffImageFile) -> None:
    """Where each colour of 16 bits has a plane of its own, Pillow reads it as if it had 8 bits."""
    deep = max(image.tag_v2.get(BITS, (1,))) == 16
    if deep and image.tag_v2.get(PLANAR, 1) == 2 and len(image.mode) > 1 and image.mode[0] != "I":
        order = "L" if image.tag_v2.prefix == b"II" else "B"
        planes = [(tile, *_arguments(tile)) for tile in image.tile]
        image.tile = [
            tile._replace(args=(f"{name};16{order}", *rest)) if name in list("RGBA") else tile
            for tile, name, *rest in planes
        ]


def _arguments(tile: Any) -> tuple:
    """What a part of a file is decoded with: how its bytes are read comes first."""
    return tile.args if isinstance(tile.args, tuple) else (tile.args,)


def _bytes_of(image: Image.Image) -> tuple[list, list]:
    """How to decode the upper and the lower byte of colours of 16 bits; two empty lists for all others."""
    tiles: tuple[list, list] = [], []
    for tile in getattr(image, "tile", ()):
        name, *rest = _arguments(tile)
        kind, deep, order = str(name).partition(";16")
        if not deep or kind not in ("RGB", "RGBA", "RGBa", "RGBX", "CMYK", "LA", *"RGBA"):
            return [], []
        upper = "B" if order == "B" or (order == "N" and sys.byteorder == "big") else "L"
        for there, letter in zip(tiles, (upper, "B" if upper == "L" else "L")):
            # Colours that alpha has multiplied stay so; a pixel of grey and alpha is four bytes, read as they are.
            raw = "RGBA" if kind == "LA" else f"{'RGBA' if kind == 'RGBa' else kind};16{letter}"
            there.append(tile._replace(args=(raw, *rest) if rest else raw))
    return tiles


def _scaled_grey(image: Image.Image, tags: dict) -> np.ndarray:
    """Grey of many bits as uint8, its largest value white."""
    values = np.asarray(image)
    if image.mode == "L":
        values = values.view(np.int8)
    elif image.mode == "I" and tags and _first(tags, BITS) == 32 and _first(tags, FORMAT) == 1:
        values = values.view(np.uint32)
    # Single precision is enough for 16 bits and halves the memory; 32 bits of an integer need double.
    grey = values.astype(np.float64 if values.itemsize > 2 and values.dtype.kind != "f" else np.float32)
    grey[~(np.abs(grey) < FILLED)] = 0  # also NaN
    result = _scaled(grey, min(0.0, float(grey.min())))
    result = 255 - result if tags and tags.get(PHOTOMETRIC) == 0 else result  # zero is white
    transparent = image.info.pop("transparency", None)  # a value; what is transparent lies on white
    return result if transparent is None else np.where(values == transparent, np.uint8(255), result)


def _scaled_colours(path: str | Path, image: Image.Image, tiles: tuple[list, list]) -> Image.Image:
    """Colours of 16 bits that hold 14 or fewer, such as a scan of 12, in 8; alpha is scaled by itself."""
    upper, lower = (_decoded(path, part).astype(np.uint16) for part in tiles)
    values = upper * 256 + lower
    if tiles[0][0].args == "RGBA":  # grey and alpha
        values = (lower[..., ::2] * 256 + lower[..., 1::2])[..., [0, 0, 0, 1]]
    result = (values >> 8).astype(np.uint8)
    for part in (slice(0, 4 if image.mode == "CMYK" else 3), slice(3, 4 if image.mode == "RGBA" else 3)):
        if result[..., part].size and result[..., part].max() < FEW:
            result[..., part] = _scaled(values[..., part].astype(np.float64))
    multiplied = isinstance(image, TiffImagePlugin.TiffImageFile) and ASSOCIATED in image.tag_v2.get(
        EXTRA, ()
    )
    return _like(image, result, "RGBa").convert("RGBA") if multiplied else _like(image, result, image.mode)


def _scaled_netpbm(path: str | Path, image: Image.Image) -> Image.Image:
    """As `_scaled_colours`, of a binary netpbm file with two bytes a colour."""
    with Image.open(path) as again:
        (tile,) = again.tile
    if tile.codec_name != "ppm" or _arguments(tile)[1] < 256:
        return image
    values = np.fromfile(path, ">u2", 3 * image.width * image.height, offset=tile.offset)
    return _like(image, _scaled(values.reshape(image.height, image.width, 3).astype(np.float64)), "RGB")


def _decoded(path: str | Path, tiles: list) -> np.ndarray:
    """A picture read in another way."""
    with Image.open(path) as image:
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            _choose_page(path, image)
        image.tile = tiles
        image.load()
        return np.asarray(image)


def _scaled(values: np.ndarray, black: float = 0.0) -> np.ndarray:
    """From `black` to the largest value, as 0 to 255; overwrites the numbers it is given."""
    values -= black
    values /= max(float(values.max()), 1e-30)
    values *= 255
    return np.rint(values, out=values).astype(np.uint8)


def _like(image: Image.Image, values: np.ndarray, mode: str) -> Image.Image:
    """A picture with other values, and with what the file says of it."""
    height, width = values.shape[:2]
    result = Image.frombytes(mode, (width, height), values.tobytes())
    result.info = dict(image.info)
    with contextlib.suppress(Exception):  # damaged EXIF is no damage
        result.getexif().update(image.getexif())
    return result
