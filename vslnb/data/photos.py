"""The one loader of photos: what a model is given and what a person is shown come from `read_photo`."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vslnb.errors import InputError

Image.MAX_IMAGE_PIXELS = 100_000_000  # Pillow refuses twice this number, by the header alone
FEW = 64  # of colours of 16 bits Pillow keeps the upper 8; below this they hold 14 bits or fewer
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")


def read_photo(path: str | Path, at_least: int | None = None) -> Image.Image:
    """A photo as an upright RGB picture, its first frame where there are several.

    Transparency lies on white. Pictures of more than 8 bits (integers and floats) are scaled by what is in
    them: from zero, or the least value below zero, to the largest value.

    Args:
        path: JPEG (also MPO), PNG, WebP, TIFF, AVIF, GIF, BMP and what else Pillow reads; HEIC with pillow-heif.
        at_least: a JPEG may be decoded smaller, its sides never below this many pixels; None decodes all of it.

    Raises:
        InputError: naming the file if it is missing, unreadable, cut short or above 200 megapixels.
    """
    try:
        with _open(path) as image:
            if at_least:
                image.draft("RGB", (at_least, at_least))
            swapped = _swapped_tiles(image)
            image.load()
            if swapped and np.asarray(image)[..., :3].max() < FEW:
                image = _deep_colours(path, image, swapped)
            return _to_rgb(_upright(image))
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(path, "there is no such photo", "Put it there or remove its captions.") from None
    except Image.DecompressionBombError:
        raise InputError(path, "more than 200 megapixels", "Make a smaller copy of it.") from None
    except Exception as fault:  # a damaged file can make a decoder raise nearly anything
        problem = str(fault).replace(f" {str(path)!r}", "") or type(fault).__name__
        raise InputError(path, f"not a readable photo ({problem})", "Replace it or leave it out.") from None


def _open(path: str | Path) -> Image.Image:
    """Open a picture; pillow-heif is asked only where Pillow knows no answer, since its import takes time."""
    try:
        return Image.open(path)
    except UnidentifiedImageError:
        if not _is_heic(Path(path)):
            raise
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        remedy = 'Run `pip install "vslnb[photos]"` for pillow-heif, which reads it, or save it as JPEG.'
        raise InputError(path, "a HEIC photo, as phones make them", remedy) from None
    register_heif_opener()
    try:
        return Image.open(path)
    except UnidentifiedImageError:
        problem = "a HEIC photo that is damaged, or of a kind that pillow-heif does not read"
        raise InputError(path, problem, "Save it as JPEG, or replace it.") from None


def _is_heic(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(64)
    return head[4:8] == b"ftyp" and any(brand in head[8:] for brand in HEIF_BRANDS)


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF says; one with damaged EXIF stays as it is, and is no worse for it."""
    with contextlib.suppress(Exception):
        return ImageOps.exif_transpose(image)
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode[0] in "IF":
        image = _eight_bits(image)
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _swapped_tiles(image: Image.Image) -> list:
    """How to decode the lower byte of colours of 16 bits, of which Pillow keeps the upper; [] for all others."""
    tiles = []
    for tile in getattr(image, "tile", ()):
        name, *rest = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        kind, deep, order = str(name).partition(";16")
        if not deep or kind not in ("RGB", "RGBA", "RGBX"):
            return []
        other = f"{kind};16{'L' if order == 'B' else 'B'}"
        tiles.append(tile._replace(args=(other, *rest) if rest else other))
    return tiles


def _deep_colours(path: str | Path, upper: Image.Image, swapped: list) -> Image.Image:
    """A colour picture whose 16 bits hold only 14 or fewer, such as a scan of 12, scaled by its largest value."""
    with Image.open(path) as image:
        image.tile = swapped
        image.load()
        lower = np.asarray(image)
    colours = np.asarray(upper)[..., :3].astype(np.float64) * 256 + lower[..., :3]
    result = np.asarray(upper).copy()
    result[..., :3] = np.rint(colours / max(colours.max(), 1) * 255)
    deep = Image.fromarray(result)
    deep.info = upper.info
    deep.getexif().update(upper.getexif())
    return deep


def _eight_bits(image: Image.Image) -> Image.Image:
    """A grey picture of many bits in 8, so that its largest value is white."""
    grey = np.asarray(image).astype(np.float64)
    grey = np.nan_to_num(grey, nan=0.0, posinf=0.0, neginf=0.0)
    black = min(0.0, grey.min())
    return Image.fromarray(np.rint((grey - black) / max(grey.max() - black, 1e-30) * 255).astype(np.uint8))
