"""Files that are no photo Pillow knows are named for what they are."""

import pytest

from vslnb.data import read_photo
from vslnb.errors import InputError


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\n<!DOCTYPE html><html>404</html>", "a web page"),
        (b"\xef\xbb\xbf<HTML>", "a web page"),
        (b'<svg xmlns="x"/>', "SVG"),
        (b"\xff\x0a" + b"\0" * 50, "JPEG XL"),
        (b"II*\0\x10\0\0\0CR\x02\0" + b"\0" * 50, "a camera's raw file"),
        (b"\0\0\0\x18ftypcrx " + b"\0" * 50, "a camera's raw file"),
        (b"\0\0\0\x18ftypmp42" + b"\0" * 50, "a film"),
        (b"PK\x03\x04" + b"\0" * 50, "an archive"),
        (b"what is this", "does not know"),
        (b"II*\0\x08\0\0\0\xff\xff", "does not know"),
    ],
)
def test_what_a_file_is(tmp_path, content, words):
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(InputError, match=rf"x\.jpg: not a readable photo.*{words}"):
        read_photo(tmp_path / "x.jpg")
