"""The tables of `vslnb.study.published` against the paper's text, number by number."""

import re

import pytest

from conftest import shared
from vslnb.study import published


def rows_of_the_paper(table, after="TABLE"):
    """(label, numbers) of the lines between one table's caption and the next paragraph of prose."""
    text = shared("paper/vsl-icme2023.txt").read_text()
    body = re.split(rf"^ ?TABLE {table}\b", text, flags=re.M)[1]
    rows = []
    for line in body.splitlines():
        cells = [cell for cell in line.split("\t") if cell.strip()]
        numbers = [float(cell) for cell in cells if re.fullmatch(r"\d+\.\d", cell)]
        if len(numbers) in (6, 12):
            rows.append((cells[: len(cells) - len(numbers)], tuple(numbers)))
        elif rows and len(line) > 200:  # prose: the table is over
            break
    return rows


def label(cells):
    return re.sub(r"\s*(\[\d+\]|\(ours\))", "", cells[0])


@pytest.mark.parametrize("number, table", [("I", published.TABLE_I), ("II", published.TABLE_II)])
def test_tables_one_and_two(number, table):
    assert {label(cells): numbers for cells, numbers in rows_of_the_paper(number)} == table
    assert len(table) == 13


def test_table_three():
    rows = rows_of_the_paper("III")[:6]
    assert [(int(cells[1]), numbers) for cells, numbers in rows] == [
        (batch, numbers) for (_, batch), numbers in published.TABLE_III.items()
    ]
    for (method, _), (cells, _) in zip(published.TABLE_III, rows):
        assert cells[0].startswith("SGR" if method == "SGR*" else "+VS")


def test_table_four():
    rows = rows_of_the_paper("IV")[:3]
    assert [numbers for _, numbers in rows] == list(published.TABLE_IV.values())
    assert [sum("checkmark" in cell for cell in cells) for cells, _ in rows] == [0, 2, 1]


def test_table_five():
    rows = rows_of_the_paper("V")[:5]
    assert {float(cells[2]): numbers for cells, numbers in rows} == published.TABLE_V
    assert {cells[1] for cells, _ in rows} == {"1"}


def test_what_the_tables_say_of_themselves():
    """STUDY section 3, rows 11 and 18."""
    assert sum(published.TABLE_II["SGR+VSL"]) == pytest.approx(489.0)
    assert sum(published.TABLE_II["SGR*"]) == pytest.approx(489.5)
    assert published.TABLE_IV["SGRAF*"][3:] == (41.6, 70.9, 81.5) != published.COCO_5K["SGRAF*"][3:]
    assert published.COCO_1K["SGR+VSL"][3:] == published.COCO_1K["SAF+VSL"][3:]
    assert published.COCO_5K["SAF+VSL"][0] < published.COCO_5K["SAF*"][0]


def test_gains_of_the_ablations_are_those_of_the_printed_rows():
    gains = published.ablation_gains()
    assert [round(gain, 1) for gain in gains["III"].values()] == [-1.0, 0.8, 2.8]
    assert [round(gain, 1) for gain in gains["IV"].values()] == [8.2, 6.4]
    assert max(gains["V"], key=gains["V"].get) == "beta 10"
