import pytest
from test_rankings import browser  # noqa: F401

from vslnb.browser.state import BrowserState
from vslnb.browser.widget import RetrievalBrowser
from vslnb.errors import InputError


def test_a_request_of_the_page_is_answered_with_a_view_and_attention(browser):  # noqa: F811
    widget = RetrievalBrowser(browser, link=BrowserState(("saf",), query=3).link())
    assert widget.view["state"]["query"] == 3 and widget.attention == {}
    miss = next(row for row in widget.view["columns"][0]["rows"] if not row["hit"])
    widget.request = {"kind": "attention", "model": "saf", "item": miss["item"], "number": 1}
    assert [side["image"] for side in widget.attention["sides"]] == [miss["image"], 0]
    widget.request = {"kind": "step", "by": 1, "number": 2}
    assert widget.view["state"]["query"] == 4 and widget.attention["sides"]
    widget.typed = "a dog in a spaceship"
    assert widget.warning["unknown"] == ["spaceship"] and not widget.view["free"]
    with pytest.raises(InputError, match="not a link"):
        RetrievalBrowser(browser, link="?query=3")
