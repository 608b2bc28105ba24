from vslnb.browser.widget import CiderExplorer, SoftRankExplorer
from vslnb.data.precomp import load_split


def test_an_explorer_draws_anew_when_a_control_is_let_go(dataset):
    for explorer, change in ((SoftRankExplorer(), 3), (CiderExplorer(load_split(dataset, "test")), 3)):
        controls, picture = explorer.children
        before = bytes(picture.value)
        assert before.startswith(b"\x89PNG")
        assert controls.children[0].continuous_update is False
        controls.children[0].value = change if controls.children[0].min >= 0 else -1
        assert bytes(picture.value) != before and bytes(picture.value).startswith(b"\x89PNG")
