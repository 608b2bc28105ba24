"""Pictures of many bits: whatever the order of bytes, planes and channels, white is the largest value."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin
from test_photos import difference, ramp

from vslnb.data import read_photo
from vslnb.errors import InputError

CLEAR = np.zeros((40, 64), bool)
CLEAR[:10] = True
COLOURS = np.stack([ramp(), ramp()[::-1], 255 - ramp()], -1)


def on_white(array):
    return np.where(CLEAR[..., None] if array.ndim == 3 else CLEAR, 255, array)


def png(path, array, kind, *chunks):
    """A PNG of 16 bits, of which Pillow writes grey alone; `kind` 0 is grey, 2 colours, +4 with alpha."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    head = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 16, kind, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


def tiff(path, array, photometric, order="<", form=1, **more):
    """A TIFF of any bits, planes and channels, of which Pillow writes few."""
    array = array[..., None] if array.ndim == 2 else array
    (height, width, channels), bits = array.shape, 8 * array.itemsize
    tags = {256: [width], 257: [height], 258: [bits] * channels, 259: [1], 262: [photometric], 277: [channels],
            278: [height], 284: [1], 339: [form] * channels} | {int(key[1:]): value for key, value in more.items()}  # fmt: skip
    data = array.astype(array.dtype.newbyteorder(order))
    planes = [data] if tags[284] == [1] else [data[..., k] for k in range(channels)]
    strips = [plane.tobytes() for plane in planes]
    tags[273] = np.cumsum([8, *map(len, strips[:-1])]).tolist()
    tags[279] = [len(strip) for strip in strips]
    place = 8 + sum(tags[279])
    beyond, entries, end = b"", b"", place + 2 + 12 * len(tags) + 4
    for number in sorted(tags):
        long = number in (273, 278, 279)
        raw = struct.pack(f"{order}{len(tags[number])}{'I' if long else 'H'}", *tags[number])
        if len(raw) > 4:
            raw, beyond = struct.pack(f"{order}I", end + len(beyond)), beyond + raw
        entries += struct.pack(f"{order}HHI", number, 4 if long else 3, len(tags[number])) + raw.ljust(
            4, b"\0"
        )
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", place)
    count = struct.pack(f"{order}H", len(tags))
    path.write_bytes(head + b"".join(strips) + count + entries + b"\0" * 4 + beyond)


@pytest.mark.parametrize("opaque", [65535, 4095])
@pytest.mark.parametrize("factor", [257, 16, 4])
def test_png_with_alpha(tmp_path, factor, opaque):
    alpha = np.where(CLEAR, 0, opaque).astype(np.uint16)
    png(tmp_path / "la.png", np.dstack([ramp().astype(np.uint16) * factor, alpha]), 4)
    assert difference(read_photo(tmp_path / "la.png"), on_white(ramp())) < 1
    png(tmp_path / "rgba.png", np.dstack([COLOURS.astype(np.uint16) * factor, alpha]), 6)
    assert difference(read_photo(tmp_path / "rgba.png"), on_white(COLOURS)) < 1


def test_png_in_which_one_grey_is_transparent(tmp_path):
    png(tmp_path / "x.png", ramp().astype(np.uint16) * 16, 0, (b"tRNS", struct.pack(">H", 200 * 16)))
    wanted = np.where(ramp() == 200, 255, ramp())[..., None]
    assert np.abs(np.asarray(read_photo(tmp_path / "x.png")).astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("factor", [257, 16])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["inverted", "colours", "planes", "alpha", "multiplied", "spare", "inks"])
def test_tiff_of_16_bits(tmp_path, kind, order, factor):
    grey, colours = ramp().astype(np.uint16) * factor, COLOURS.astype(np.uint16) * factor
    alpha = np.where(CLEAR, 0, 65535).astype(np.uint16)
    array, photometric, more, wanted = {
        "inverted": (255 * factor - grey, 0, {}, ramp()),
        "colours": (colours, 2, {}, COLOURS),
        "planes": (colours, 2, {"t284": [2]}, COLOURS),
        "alpha": (np.dstack([colours, alpha]), 2, {"t338": [2]}, on_white(COLOURS)),
        "multiplied": (np.dstack([np.where(CLEAR[..., None], 0, colours), alpha]), 2, {"t338": [1]}, on_white(COLOURS)),
        "spare": (np.dstack([colours, alpha]), 2, {"t338": [0]}, COLOURS),
        "inks": (np.dstack([255 * factor - colours, 0 * alpha]), 5, {}, COLOURS),
    }[kind]  # fmt: skip
    tiff(tmp_path / "x.tif", array, photometric, order, **more)
    assert difference(read_photo(tmp_path / "x.tif"), wanted) < 1


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    "array, form",
    [
        (ramp().astype(np.uint32) * 16_000_000, 1),  # above what an int32 holds
        (ramp().astype(np.int16) * 100, 2),
        (ramp().astype(np.float64) / 255, 3),
        (np.where(ramp() == 0, np.inf, ramp()).astype(np.float32), 3),
        (np.where(ramp() == 0, -3.4e38, ramp()).astype(np.float32), 3),
        ((ramp().astype(int) - 128).astype(np.int8), 2),
    ],
)
def test_numbers_of_many_kinds(tmp_path, array, form, order):
    tiff(tmp_path / "x.tif", array, 1, order, form)
    assert difference(read_photo(tmp_path / "x.tif"), ramp()) < 1


@pytest.mark.parametrize("array", [COLOURS.astype(np.float32), ramp().astype(np.float16)])
def test_a_tiff_that_pillow_does_not_read_is_named(tmp_path, array):
    tiff(tmp_path / "x.tif", array, 2 if array.ndim == 3 else 1, form=3)
    words = f"{array.ndim * 2 - 3} x {8 * array.itemsize} bits .floating point."
    with pytest.raises(InputError, match=words):
        read_photo(tmp_path / "x.tif")


def test_netpbm_of_12_bits(tmp_path):
    values = (COLOURS.astype(np.uint16) * 16).astype(">u2")
    (tmp_path / "x.ppm").write_bytes(b"P6\n64 40\n65535\n" + values.tobytes())
    assert difference(read_photo(tmp_path / "x.ppm"), COLOURS) < 1


def test_a_preview_is_not_taken_for_the_photo(tmp_path):
    small, large = Image.fromarray(ramp()).resize((8, 5)), Image.fromarray(ramp())
    with TiffImagePlugin.AppendingTiffWriter(str(tmp_path / "x.tif"), True) as pages:
        small.save(pages, "TIFF", tiffinfo={254: 1})
        pages.newFrame()
        large.save(pages, "TIFF")
    assert difference(read_photo(tmp_path / "x.tif"), ramp()) < 1
    tiff(tmp_path / "raw.tif", np.asarray(small), 1, t254=[1])
    with pytest.raises(InputError, match="small preview"):
        read_photo(tmp_path / "raw.tif")
