"""One loader: upright, RGB, scaled by what is in the file, whatever its kind."""

import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from vslnb.data import read_photo
from vslnb.data.precomp import load_split
from vslnb.errors import InputError
from vslnb.figures.rankings import read_picture

# How a camera stores a picture that EXIF's orientation then makes upright.
STORED = {
    1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # fmt: skip


def quarters():
    """Red, green, blue and black quarters of a picture that is wider than high."""
    array = np.zeros((40, 64, 3), np.uint8)
    array[:20, :32], array[:20, 32:], array[20:, :32] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return Image.fromarray(array)


def ramp():
    y, x = np.mgrid[:40, :64]
    return ((x * 4 + y) % 256).astype(np.uint8)


def difference(photo, array):
    return np.abs(np.asarray(photo).astype(int) - array.reshape(*array.shape[:2], -1)).mean()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif", "avif", "mpo"])
def test_every_orientation_is_upright(tmp_path, kind, orientation):
    stored, exif = quarters(), Image.Exif()
    exif[0x0112] = orientation
    if STORED[orientation] is not None:
        stored = stored.transpose(STORED[orientation])
    stored.save(tmp_path / f"x.{kind}", exif=exif)
    for photo in (read_photo(tmp_path / f"x.{kind}"), read_photo(tmp_path / f"x.{kind}", at_least=32)):
        assert photo.mode == "RGB" and photo.size[0] > photo.size[1]
        assert difference(photo.resize((64, 40)), np.asarray(quarters())) < 15


@pytest.mark.parametrize(
    "array, suffix",
    [
        (ramp().astype(np.uint16) * 257, "png"),
        (ramp().astype(np.uint16) * 16, "tif"),
        (ramp().astype(np.uint16) * 4, "png"),
        ((ramp().astype(np.uint16) * 16).astype(">u2"), "tif"),
        (ramp().astype(np.int32), "tif"),
        (ramp().astype(np.int32) * 70000, "tif"),
        (ramp().astype(np.float32) / 255, "tif"),
        (ramp().astype(np.float32) - 128, "tif"),
        (np.where(ramp() == 0, np.nan, ramp() / 1000).astype(np.float32), "tif"),
    ],
)
def test_deep_pictures_are_scaled_by_what_is_in_them(tmp_path, array, suffix):
    image = Image.fromarray(array)
    if array.dtype.byteorder == ">":
        image = Image.frombytes("I;16B", (64, 40), array.tobytes())
    image.save(tmp_path / f"x.{suffix}")
    assert difference(read_photo(tmp_path / f"x.{suffix}"), ramp()) < 1


@pytest.mark.parametrize("mode", ["L", "LA", "PA", "RGBA", "CMYK", "YCbCr", "LAB"])
def test_pictures_of_any_mode_are_shown_alike(tmp_path, mode):
    grey = Image.fromarray((ramp() // 16 * 16).astype(np.uint8))
    image = grey.convert("P").convert("PA") if mode == "PA" else grey.convert("RGB").convert(mode)
    image.save(tmp_path / "x.tif")
    assert difference(read_photo(tmp_path / "x.tif"), np.asarray(grey)) < 2


def test_black_and_white_stays_so(tmp_path):
    Image.fromarray(ramp() > 127).save(tmp_path / "x.png")
    assert set(np.unique(np.asarray(read_photo(tmp_path / "x.png")))) == {0, 255}


def test_transparency_lies_on_white(tmp_path):
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[:, 4:, 3] = 255  # the left half is transparent, the right is black
    for name in ("x.png", "x.webp", "x.tif"):
        Image.fromarray(rgba).save(tmp_path / name, **({"lossless": True} if name == "x.webp" else {}))
    Image.fromarray(rgba).convert("LA").save(tmp_path / "la.png")
    palette = Image.fromarray((rgba[..., 3] // 255).astype(np.uint8), "L").convert("P")
    palette.putpalette([9, 9, 9, 0, 0, 0])
    palette.save(tmp_path / "p.png", transparency=0)
    palette.save(tmp_path / "p.gif", transparency=0)
    for path in tmp_path.iterdir():
        photo = np.asarray(read_photo(path))
        assert (photo[:, :4] == 255).all() and (photo[:, 4:] < 10).all(), path


def deep_png(array):
    """A PNG of 16-bit colours, which Pillow does not write."""
    height, width, _ = array.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("factor", [257, 16, 4])
def test_deep_colours_are_scaled_too(tmp_path, factor):
    (tmp_path / "x.png").write_bytes(deep_png(np.stack([ramp()] * 3, -1).astype(np.uint16) * factor))
    assert difference(read_photo(tmp_path / "x.png"), ramp()) < 1


def test_heic_is_read_with_its_package_and_named_without(tmp_path, monkeypatch):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(quarters()).save(tmp_path / "x.heic")
    assert difference(read_photo(tmp_path / "x.heic"), np.asarray(quarters())) < 15
    (tmp_path / "damaged.heic").write_bytes((tmp_path / "x.heic").read_bytes()[:60])
    with pytest.raises(InputError, match=r"damaged\.heic.*HEIC"):
        read_photo(tmp_path / "damaged.heic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name != "HEIF"])
    with pytest.raises(InputError, match=r"x\.heic: a HEIC photo.*pip install"):
        read_photo(tmp_path / "x.heic")


def test_what_is_shown_is_what_the_model_saw(dataset):
    exif = Image.Exif()
    exif[0x0112] = 6
    quarters().transpose(STORED[6]).save(dataset / "a.jpg", exif=exif)
    (dataset / "test_pictures.txt").write_text("a.jpg\n" * 10)
    shown = read_picture(load_split(dataset, "test"), 3)
    np.testing.assert_array_equal(shown, np.asarray(read_photo(dataset / "a.jpg")))
    assert shown.shape == (40, 64, 3)


def test_a_damaged_photo_is_named_and_damaged_exif_is_no_damage(tmp_path):
    quarters().save(tmp_path / "x.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40)
    assert read_photo(tmp_path / "x.jpg").size == (64, 40)
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "x.jpg").read_bytes()[:200])
    for name in ("cut.jpg", "gone.jpg"):
        with pytest.raises(InputError, match=name):
            read_photo(tmp_path / name)
