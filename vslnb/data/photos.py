"""The one loader of photos: what a model is given and what a person is shown come from `read_photo`."""

from __future__ import annotations

import contextlib
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from vslnb.data.deep_photos import eight_bits
from vslnb.data.unknown_files import what_it_is
from vslnb.errors import InputError

Image.MAX_IMAGE_PIXELS = 100_000_000  # Pillow refuses twice this number, by the header alone
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")


def read_photo(path: str | Path, at_least: int | None = None) -> Image.Image:
    """A photo as an upright RGB picture, its first frame where there are several.

    Transparency lies on white. Pictures of more than 8 bits (integers and floats) are scaled by what is in
    them, as `deep_photos` says. Of a TIFF with several pages, one that is a reduced copy is not taken.

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
            return _to_rgb(_upright(eight_bits(path, image)))
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(path, "there is no such photo", "Put it there or remove its captions.") from None
    except UnidentifiedImageError:
        problem, remedy = what_it_is(Path(path))
        raise InputError(path, f"not a readable photo: {problem}", remedy) from None
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
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
