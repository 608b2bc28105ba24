"""Caption files as people have them: each kind is read the same, or named with the line and what to do."""

import gzip
import json
import unicodedata

import pytest

from vslnb.data.importing.caption_files import read_caption_file, read_captions
from vslnb.data.importing.items import EMPTY_ROW, NO_CAPTION, NO_PHOTO
from vslnb.errors import InputError

WANTED = {"a.jpg": ["a dog, two cats", "the café's dog"], "b.jpg": ["a boat"]}
ROWS = [("a.jpg", "a dog, two cats"), ("a.jpg", "the café's dog"), ("b.jpg", "a boat")]


def found(path):
    return {item.picture: item.captions for item in read_captions(path)}


def table(separator, quote, header=("image", "caption")):
    mark = '"' if quote else ""
    return "\n".join(separator.join(f"{mark}{cell}{mark}" for cell in row) for row in [header, *ROWS]) + "\n"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp1252"],
)
@pytest.mark.parametrize(
    "separator, quote", [(",", True), (";", False), (";", True), ("\t", False), ("|", False)]
)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_tables_of_every_separator_and_encoding(tmp_path, encoding, separator, quote, ends):
    (tmp_path / "c.csv").write_bytes(table(separator, quote).replace("\n", ends).encode(encoding))
    assert found(tmp_path / "c.csv") == WANTED
    notes = " ".join(read_caption_file(tmp_path / "c.csv").notes)
    assert ("cp1252" in notes and "line 3" in notes.lower()) == (encoding == "cp1252")


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;", "sep=;;"])
def test_the_line_that_excel_puts_above_a_table(tmp_path, line):
    (tmp_path / "c.csv").write_text(line + "\n" + table(";", False))
    assert found(tmp_path / "c.csv") == WANTED


@pytest.mark.parametrize("picture", ["image", "file_name", "FileName", "image_path", "Image Name", "img"])
@pytest.mark.parametrize("caption", ["caption", "Text", "sentence", "description", "captions"])
def test_columns_by_many_names(tmp_path, picture, caption):
    (tmp_path / "c.txt").write_text(table(";", False, (picture, caption)))
    assert found(tmp_path / "c.txt") == WANTED


@pytest.mark.parametrize(
    "header", ["photo_id,alt text", "ImageFilePath,long_caption", "input_image,caption_en"]
)
def test_columns_by_a_word_in_their_names(tmp_path, header):
    (tmp_path / "c.csv").write_text(f"{header},data_split,x\na.jpg,one,val,0\n")
    file = read_caption_file(tmp_path / "c.csv")
    (item,) = file.items.values()
    assert (item.picture, item.captions, item.split) == ("a.jpg", ["one"], "dev")
    assert "not used: x." in file.notes[0]


def test_letters_that_only_steer_are_no_part_of_a_caption(tmp_path):
    (tmp_path / "c.csv").write_text("image,caption\na.jpg,a \0\u202edog\u202c\x07\n", encoding="utf-8")
    assert found(tmp_path / "c.csv") == {"a.jpg": ["a dog"]}


def test_a_number_in_json_is_a_text(tmp_path):
    (tmp_path / "c.json").write_text('[{"image": "a.jpg", "caption": 7}, {"image": "a.jpg", "caption": NaN}]')
    assert found(tmp_path / "c.json") == {"a.jpg": ["7"]}


@pytest.mark.parametrize(
    "header, row",
    [
        ("image,caption1,caption2,caption3", "a.jpg,one,two,"),
        ("image,caption_0,caption_1", "a.jpg,one,two"),
        ("file_name,text 1,text 2,split", "a.jpg,one,two,train"),
        ("image,caption,caption", "a.jpg,one,two"),
        (",image,comment", "0,a.jpg,\"['one', 'two']\""),
        ("image,captions", 'a.jpg,"[""one"", ""two""]"'),
        ("image,captions", "a.jpg,\"['one' 'two']\""),
        ("image,captions", "a.jpg,\"['one'\n 'two']\""),
    ],
)
def test_one_row_a_photo_with_several_captions(tmp_path, header, row):
    (tmp_path / "c.csv").write_text(f"{header}\n{row}\n")
    file = read_caption_file(tmp_path / "c.csv")
    assert {item.picture: item.captions for item in file.items.values()} == {"a.jpg": ["one", "two"]}
    assert not file.left_out


@pytest.mark.parametrize(
    "name, content",
    [
        ("k.json", {"images": [{"filename": "x.jpg", "filepath": "val", "sentences": [{"raw": "one"}, {"raw": "two"}]}]}),
        ("t.json", {"images": [{"filename": "val/x.jpg", "sentences": [{"tokens": ["one"]}, {"tokens": ["two"]}]}]}),
        ("coco.json", {"images": [{"id": 7, "file_name": "val/x.jpg"}],
                       "annotations": [{"image_id": 7, "caption": "one"}, {"image_id": 7, "caption": "two"}]}),
        ("r.json", [{"image": "val/x.jpg", "caption": "one"}, {"image": "val/x.jpg", "caption": "two"}]),
        ("r2.json", [{"image": "val/x.jpg", "caption": ["one", "two"]}]),
        ("m.json", {"val/x.jpg": ["one", "two"]}),
        ("p.json", {"image": {"0": "val/x.jpg", "1": "val/x.jpg"}, "caption": {"0": "one", "1": "two"}}),
        ("l.json", {"image": ["val/x.jpg", "val/x.jpg"], "caption": ["one", "two"]}),
        ("s.json", {"columns": ["image", "caption"], "index": [0, 1], "data": [["val/x.jpg", "one"], ["val/x.jpg", "two"]]}),
        ("ids.json", {"images": [{"id": "7", "file_name": "val/x.jpg"}],
                      "annotations": [{"image_id": 7, "caption": "one"}, {"image_id": 7, "caption": "two"}]}),
    ],
)  # fmt: skip
def test_json_of_every_kind(tmp_path, name, content):
    (tmp_path / name).write_text(json.dumps(content))
    assert found(tmp_path / name) == {"val/x.jpg": ["one", "two"]}


def test_the_metadata_of_an_image_folder(tmp_path):
    lines = [{"file_name": "x.jpg", "text": "one"}, {"file_name": "x.jpg", "text": "two"}]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "one.jsonl").write_text(json.dumps(lines[0]))
    (tmp_path / "metadata.csv").write_text("file_name,text\nx.jpg,one\nx.jpg,two\n")
    assert found(tmp_path / "metadata.jsonl") == found(tmp_path / "metadata.csv") == {"x.jpg": ["one", "two"]}
    assert found(tmp_path / "one.jsonl") == {"x.jpg": ["one"]}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(lines[0]) + "\n{")
    with pytest.raises(InputError, match="line 2"):
        read_captions(tmp_path / "metadata.jsonl")


@pytest.mark.parametrize("separator", ["\t", "|"])
def test_a_table_that_quotes_nothing_keeps_every_row(tmp_path, separator):
    rows = [f"{k:02d}.jpg{separator}caption {k}" for k in range(20)]
    rows[3] = f'03.jpg{separator}"Go Giants says a shirt'
    rows[15] = f'15.jpg{separator}he says "hello"'
    (tmp_path / "c.tsv").write_text("\n".join([f"image{separator}caption", *rows]) + "\n")
    captions = found(tmp_path / "c.tsv")
    assert len(captions) == 20 and captions["03.jpg"] == ['"Go Giants says a shirt']
    assert captions["15.jpg"] == ['he says "hello"']


@pytest.mark.parametrize("end", ['he said "hello"', "and no mark closes"])
def test_an_unbalanced_mark_in_a_csv_names_the_line_it_is_in(tmp_path, end):
    rows = [f'{k:02d}.jpg,"caption {k}, quoted"' for k in range(20)]
    rows[7] = '07.jpg,"this one does not close'
    rows[15] = f"15.jpg,{end}"
    (tmp_path / "c.csv").write_text("\n".join(["image,caption", *rows]) + "\n")
    with pytest.raises(InputError, match=r"line 9: a quotation mark"):
        read_captions(tmp_path / "c.csv")


def test_a_line_end_in_a_quoted_cell_is_no_fault(tmp_path):
    (tmp_path / "c.csv").write_text('image,caption\na.jpg,"one line,\nanother, and\na third"\nb.jpg,two\n')
    assert found(tmp_path / "c.csv") == {"a.jpg": ["one line, another, and a third"], "b.jpg": ["two"]}


def test_rows_with_more_cells_than_the_header_are_named(tmp_path):
    (tmp_path / "c.csv").write_text("image,caption\na.jpg,one\na.jpg,one, two\nb.jpg,three, four\n")
    with pytest.raises(InputError, match="line 3: 3 cells.*1 more line"):
        read_captions(tmp_path / "c.csv")


def test_what_is_blank_is_counted_with_its_line(tmp_path):
    rows = ["a.jpg,one", "a.jpg,", "a.jpg,  ", "a.jpg,\u200b", "a.jpg,n/a", ",stray", ",", "", "b.jpg,two,"]
    (tmp_path / "c.csv").write_text("image,caption\n" + "\n".join(rows) + "\n", encoding="utf-8")
    file = read_caption_file(tmp_path / "c.csv")
    assert {item.picture: item.captions for item in file.items.values()} == {
        "a.jpg": ["one"],
        "b.jpg": ["two"],
    }
    reasons = {(entry.what, entry.reason) for entry in file.left_out}
    assert reasons == {(f"line {k} (a.jpg)", NO_CAPTION) for k in (3, 4, 5, 6)} | {
        ("line 7", NO_PHOTO), ("line 8", EMPTY_ROW), ("line 9", EMPTY_ROW)
    }  # fmt: skip


@pytest.mark.parametrize("written, ours", [("Train", "train"), ("VAL", "dev"), ("Training Set", "train"), ("val2014", "dev"), ("tst", "test"), (" validation ", "dev"), ("testing", "test"), ("", "train")])  # fmt: skip
def test_splits_as_people_write_them(tmp_path, written, ours):
    (tmp_path / "c.csv").write_text(f"image,caption,Split\na.jpg,one,{written}\nb.jpg,two,train\n")
    assert {item.picture: item.split for item in read_captions(tmp_path / "c.csv")}["a.jpg"] == ours
    (tmp_path / "c.csv").write_text("image,caption,split\na.jpg,one,holdout\n")
    with pytest.raises(InputError, match="line 2.*'holdout'"):
        read_captions(tmp_path / "c.csv")


@pytest.mark.parametrize(
    "content, words",
    [
        (b"PK\x03\x04" + b"\0" * 50, "workbook"),
        (b"PAR1" + b"\0" * 50, "Parquet"),
        (gzip.compress(b"image,caption\na.jpg,one\n", mtime=0), "gzip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel"),
        (b"", "caption"),
        (b"a.jpg,A dog\nb.jpg,A cat\n", "no header"),
        (b"image,caption\n\x81\x8d\n", "line 2"),
        ("image,caption\na.jpg,маленькая собака\n".encode("cp1251"), "line 2: neither UTF-8 nor.*iconv"),
        ("image,caption\na.jpg,两只狗在公园里跑步\n".encode("gbk"), "line 2.*UTF-8"),
        (b"\x93NUMPY\x01\0", "NumPy"),
        (b"\x80\x04\x95\0", "pickle"),
        (b"<table><tr><td>image</td></tr></table>", "markup"),
    ],
)
def test_what_is_no_caption_file_is_named(tmp_path, content, words):
    (tmp_path / "c.csv").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_captions(tmp_path / "c.csv")


def test_accents_come_composed_and_nothing_unseen_is_kept(tmp_path):
    text = unicodedata.normalize("NFD", "image,caption\ncafé.jpg,a café\u200b scene\n")
    (tmp_path / "c.csv").write_text(text, encoding="utf-8")
    (item,) = read_captions(tmp_path / "c.csv")
    assert item.captions == ["a café scene"] and item.id == "café.jpg"
