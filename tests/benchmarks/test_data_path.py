"""What the measurement of the data path says of its three times."""

import pytest

import data_path


@pytest.mark.parametrize(
    "cold, disk, warm, wanted",
    [
        (0.9, 2.0, 2.0, "none: a batch is there before the step ends"),
        (2.0, 1.9, 0.3, "the disk"),
        (2.0, 0.3, 1.9, "the loader"),
        (9.0, 8.0, 1.1, "the disk and the loader"),
        (1.5, 0.9, 0.8, "the disk and the loader together"),
    ],
)
def test_disk_and_loader_are_judged_each_on_its_own(cold, disk, warm, wanted):
    rows = ({"ms a batch": steps * data_path.STEP_MS} for steps in (cold, disk, warm))
    assert data_path.limit(*rows) == wanted
