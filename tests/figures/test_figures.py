import io
import itertools
import warnings
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from vslnb import figures
from vslnb.config import MODULES

RNG = np.random.default_rng(0)
START = RNG.bit_generator.state
ARMS = ("triplet", "vsl-paper", "vsl-descending", "vsl-released", "vsl-shuffled")
IMAGE, OTHER = RNG.integers(0, 256, (2, 48, 64, 3), dtype=np.uint8)
BOXES = np.array([[0, 0, 0.5, 1], [0.5, 0, 1, 0.5], [0.5, 0.5, 1, 1]])


def differences(seeds=5):
    rows = {figures.ARM_NAMES[arm]: RNG.normal(1, 2, seeds) for arm in ARMS[1:]}
    return rows, {name: (v.mean(), v.mean() - 2, v.mean() + 2, 0.1) for name, v in rows.items()}


def results(arms, seeds=3):
    for module, arm, _ in itertools.product(figures.MODULE_NAMES, arms, range(seeds)):
        r1 = RNG.normal([60, 50], 1)
        test = {"image_to_text": {"R@1": float(r1[0])}, "text_to_image": {"R@1": float(r1[1])}}
        yield {"module": module, "arm": arm, "test": test}


def forest(panels=1):
    names = [*figures.MODULE_NAMES.values(), "mean of SAF, SGR, cosine", "secondary, text to image"][-panels:]
    published = {name: {figures.ARM_NAMES["vsl-paper"]: 10.8} for name in names}
    return figures.forest_plot({name: differences() for name in names}, share=True, published=published)


def rankings(items, hits=(False, True, False)):
    return [figures.Ranking(model, items, hits, 2) for model in ("triplet", "triplet + VSL")]


def deeper(items):
    """The second model has the ground truth further down."""
    return [*rankings(items)[:1], figures.Ranking("triplet + VSL", items, [False] * 3, 104, items[1])]


def by_epoch(arms, epochs=5):
    return {arm: np.concatenate([[np.nan], RNG.random(epochs)]) for arm in arms}


RANKS = np.arange(8) + 1.5
CAPTIONS = ["A dog for $5 runs after a $3 ball on the wet sand of a long beach " * 2, "<b>two</b>", "a cat"]
SERIES = {
    figures.ARM_NAMES[arm]: {str(b): (250 + k, 245, 258) for b in (32, 64, 128)} for k, arm in enumerate(ARMS)
}
DRAWN = {
    "learning_curves": lambda: figures.learning_curves(
        [(module, arm, RNG.random(5) * 600) for module in ("saf", "sgr", "cosine") for arm in ARMS]
    ),
    "epoch_curves": lambda: figures.epoch_curves(
        {f"measure {k}": by_epoch(ARMS) | {"triplet": []} for k in range(5)}, "cosine"
    ),
    "curves": lambda: figures.curves(
        np.logspace(0, -4, 9), {f"score {k}": RNG.random(9) for k in range(6)}, "tau", "rank", falling=True
    ),
    "forest_plot, one panel": forest,
    "forest_plot, five panels": lambda: forest(5),
    "forest_plot, rows of its own": lambda: figures.forest_plot(
        {
            "gain in rsum, mean of three": differences(),
            "gain by module": ({"SAF": [1.0]}, {"SAF": (1, 0, 2)}),
        },
        published={"gain by module": {"SAF": 10.7, "SGR": -0.5}},
        own_rows=[2, 1],
    ),
    "bars_against": lambda: figures.bars_against(
        {"share, %": ({"SAF": 0.1, "SGR": 1}, 9.4, "even"), "length, %": ({"SAF": 5, "SGR": 2}, None, "")}
    ),
    "trade_off": lambda: figures.trade_off(
        {
            name: {s: (RNG.normal(-s / 3, 1, 3), RNG.normal(s / 4, 0.5, 3)) for s in (1, 3, 10, 30)}
            for name in ("cider, paper", "sentence, paper", "cider, descending", "cider, shuffled captions")
        },
        "rsum minus the triplet's",
        "tau minus the triplet's",
        "times beta",
        controls=["cider, shuffled captions"],
    ),
    "rank_changes": lambda: figures.rank_changes(
        {side: tuple(RNG.geometric(0.1, (2, 99))) for side in ("image to text", "text to image")}, "a", "b"
    ),
    "two_orders": lambda: figures.two_orders([IMAGE, OTHER] * 4, 2, RANKS, np.roll(RANKS, 1)),
    "recall_bars, two arms": lambda: figures.recall_bars(list(results(ARMS[:2], 1))),
    "recall_bars, five arms": lambda: figures.recall_bars(list(results(ARMS))[:-2]),
    "ablation_plot": lambda: figures.ablation_plot(SERIES, "batch size"),
    "histogram": lambda: figures.histogram({"same": RNG.random(99), "others": RNG.random(999) / 9}, "C"),
    "pairwise_scatter": lambda: figures.pairwise_scatter(
        {"cider": RNG.random(9999), "tfidf": RNG.random(9999)}, {"cider, tfidf": 0.5, "tfidf, cider": 0.5}
    ),
    "box_by_group": lambda: figures.box_by_group({k: RNG.random(9 + k) + k for k in range(4)}, "shared", "C"),
    "heat_maps": lambda: figures.heat_maps({name: RNG.random((8, 8)) for name in "SCRQ"}),
    "heat_maps, signed": lambda: figures.heat_maps(
        {f"tau {t}": RNG.normal(size=(6, 6)) for t in (0.3, 0.03, 0.001)}, signed=True, key="gradient"
    ),
    "heat_maps, large": lambda: figures.heat_maps({"scores": RNG.random((64, 64))}),
    "agreement_map": lambda: figures.agreement_map(pd.DataFrame(100 * RNG.random((9, 9)), MODULES, MODULES)),
    "similarity_map": lambda: figures.similarity_map(RNG.random((6, 6)), [IMAGE, OTHER] * 3),
    "heat_maps, the same colours": lambda: figures.heat_maps(
        {"scores": RNG.random((3, 3)), "ranks": RNG.random((3, 3))}, limits=[(0, 1), (1, 4)]
    ),
    "method_diagram": lambda: figures.method_diagram(
        [IMAGE, OTHER] * 2, [CAPTIONS, CAPTIONS[:1]] * 2, RNG.random((4, 4, 4)), 0.25
    ),
    "share_bars": lambda: figures.share_bars(
        {name: {"fits the caption": 12.3, "secondary match": 2.0, "other": 20} for name in ("SAF", "SGR")},
        "wrong first results (percent)",
    ),
    "image_row": lambda: figures.image_row(
        [IMAGE, OTHER], ["$5 or $6", "two\nlines"], [{"red": BOXES, figures.MAIN: []}, {}]
    ),
    "ranked_images": lambda: figures.ranked_images(CAPTIONS[0], rankings([IMAGE, OTHER, IMAGE])),
    "ranked_images, deep": lambda: figures.ranked_images("a dog", deeper([IMAGE, OTHER, IMAGE])),
    "ranked_captions, deep": lambda: figures.ranked_captions(IMAGE, deeper(CAPTIONS)),
    "ranked_captions": lambda: figures.ranked_captions(IMAGE, rankings(CAPTIONS)),
    "attention_maps": lambda: figures.attention_maps(
        ["triplet", "triplet + VSL"],
        ["ground truth: $", "first"],
        [IMAGE, OTHER],
        [BOXES] * 2,
        RNG.dirichlet([1, 1, 1], (2, 2)),
    ),
}


def drawn(name):
    RNG.bit_generator.state = START
    return DRAWN[name]()


def png(figure):
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130, metadata={"Software": None})
    return stream.getvalue()


def drawn_texts(figure):
    """Every text that is drawn, with its box in pixels."""
    shown, draw = [], Text.draw

    def noted(text, renderer):
        draw(text, renderer)
        if text.get_visible() and text.get_text().strip():
            shown.append((text.get_text(), text.get_window_extent(renderer).padded(-1)))

    with mock.patch.object(Text, "draw", noted):
        FigureCanvasAgg(figure).draw()
    return shown


def overlapping_texts(figure):
    """Pairs of drawn texts whose boxes meet."""
    pairs = itertools.combinations(drawn_texts(figure), 2)
    return [(a, b) for (a, one), (b, two) in pairs if one.overlaps(two)]


def texts_cut_off(figure):
    """Drawn texts that reach beyond the figure."""
    width, height = figure.bbox.max
    return [
        text
        for text, box in drawn_texts(figure)
        if min(box.x0, box.y0) < 0 or box.x1 > width or box.y1 > height
    ]


def test_every_public_function_is_drawn_here():
    functions = {name for name in figures.__all__ if name.islower() and name != "canvas"}
    assert {name.split(",")[0] for name in DRAWN} == functions


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_drawn_without_warnings_or_overlapping_text_and_the_same_twice(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert png(drawn(name)) == png(drawn(name))
        figure = drawn(name)
        assert figure._repr_png_().startswith(b"\x89PNG")
    assert not overlapping_texts(figure) and not texts_cut_off(drawn(name))
    assert any(
        text.get_text()
        for axis in figure.axes
        for text in (axis.title, axis.xaxis.label, axis.yaxis.label, *axis.texts)
    )


def test_overlapping_text_is_found():
    figure = figures.curves([1, 10], {"a": [0, 1]}, "tau", "rank")
    figure.axes[0].text(2, 0.5, "one")
    figure.axes[0].text(2, 0.5, "two")
    assert overlapping_texts(figure) == [("one", "two")]


def test_a_long_title_is_broken_into_lines():
    figure = figures.image_row([IMAGE, OTHER], ["ground truth", "ranked first"])
    figure.suptitle(f'Query: "{CAPTIONS[0]}"')
    assert not texts_cut_off(figure) and not overlapping_texts(figure)


def test_colours_of_heat_maps_stay_where_limits_are_given():
    for factor in (1, 0.01):
        figure = figures.heat_maps({"ranks": factor * RNG.random((4, 4))}, limits=[(1, 5)])
        assert figure.axes[0].collections[0].get_clim() == (1, 5)


def test_the_method_diagram_shows_the_matrices_it_is_given():
    named = {"S": 0.31, "C": 0.12, "SR": 2.5, "CR": 1.5}
    matrices = [np.full((2, 2), value) for value in named.values()]
    figure = figures.method_diagram([IMAGE, OTHER], [CAPTIONS, CAPTIONS], matrices, 0.25)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert [texts.count(number) for number in (".31", ".12", "2.5", "1.5")] == [4, 4, 4, 4]
    assert set(named) <= set(texts) and any("0.250" in text for text in texts)


def test_shares_stand_side_by_side():
    (axis,) = figures.share_bars({"SAF": {"a": 12.0, "b": 30.0}}, "percent").axes
    bars = [(bar.get_x(), bar.get_width()) for group in axis.containers for bar in group]
    assert bars == [(0, 100), (0, 12), (12, 30)]


def test_a_forest_plot_shows_the_numbers_it_is_given():
    panel = {"SAF": [1.0, 2.0, 3.0], "SGR": [4.0]}, {"SAF": (2, 0.5, 3.5), "SGR": (4, np.nan, np.nan)}
    (axis,) = figures.forest_plot({"gain in rsum": panel}, published={"gain in rsum": {"SAF": 9}}).axes
    lines = [list(np.atleast_1d(line.get_xdata())) for line in axis.lines]
    assert all(values in lines for values in ([0.5, 3.5], [2], [1, 2, 3], [9], [4]))
    assert [label.get_text() for label in axis.get_yticklabels()] == ["SAF", "SGR"]
    assert axis.get_ylim()[0] > axis.get_ylim()[1]  # the first row is on top


def test_bars_are_means_and_stand_where_their_numbers_do():
    listed = [run for run in results(ARMS, 2) if (run["module"], run["arm"]) != ("sgr", "vsl-paper")]
    for axis, direction in zip(figures.recall_bars(listed).axes, ("image_to_text", "text_to_image")):
        bars = [bar for group in axis.containers for bar in group]
        middles = {round(bar.get_x() + bar.get_width() / 2, 6): bar.get_height() for bar in bars}
        for module, arm in {(run["module"], run["arm"]) for run in listed}:
            runs = [run for run in listed if (run["module"], run["arm"]) == (module, arm)]
            mean = np.mean([run["test"][direction]["R@1"] for run in runs])
            x = list(figures.MODULE_NAMES).index(module) + 0.8 * ((ARMS.index(arm) + 0.5) / 5 - 0.5)
            assert middles[round(x, 6)] == pytest.approx(mean)
            assert any(
                text.xy[0] == pytest.approx(x) and text.get_text() == f"{mean:.1f}" for text in axis.texts
            )


def test_an_arm_looks_the_same_in_every_figure():
    curves = figures.learning_curves([("saf", arm, [1, 2]) for arm in ARMS])
    assert [line.get_color() for line in curves.axes[0].lines] == [figures.ARM_COLOURS[arm] for arm in ARMS]
    assert len({(line.get_marker(), line.get_linestyle()) for line in curves.legends[0].get_lines()}) == 5
    ablation = figures.ablation_plot(SERIES, "batch size")
    assert [c.lines[0].get_color() for c in ablation.axes[0].containers] == [
        figures.ARM_COLOURS[arm] for arm in ARMS
    ]


def test_the_ground_truth_is_shown_however_deep_it_is():
    images = figures.ranked_images("a dog", deeper([IMAGE, OTHER, IMAGE]))
    assert [axis.get_title() for axis in images.axes if axis.axison][-1] == "… 104 ✓"
    assert len([axis for axis in images.axes if axis.axison]) == 7
    captions = figures.ranked_captions(IMAGE, deeper(CAPTIONS))
    assert [text.get_text() for text in captions.axes[2].texts][-2:] == ["✓ 104", "<b>two</b>"]
    assert len(captions.axes[1].texts) == 6


def test_one_seed_is_a_dot_without_a_mean_or_an_interval():
    panel = {"cosine": [2.0]}, {"cosine": (2.0, -3.0, 7.0)}
    figure = figures.forest_plot({"gain": panel})
    lines = [list(np.atleast_1d(line.get_xdata())) for line in figure.axes[0].lines]
    assert lines == [[0, 0], [2]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one seed"]


def test_the_bars_of_two_orders_stand_at_the_images_they_are_about():
    score_ranks, caption_ranks = np.array([3.5, 2.5, 1.5]), np.array([1.5, 3.5, 2.5])
    figure = figures.two_orders([IMAGE] * 3, 0, score_ranks, caption_ranks)
    widths = [bar.get_width() for bar in figure.axes[1].patches]
    assert widths == pytest.approx([2.5 / 3.5, 1.5 / 2.5, 1.5 / 3.5])  # images 1, 2, 0: by captions
    assert figure.get_supxlabel().endswith(f"{1 - np.mean(widths):.2f}")


def test_weak_attention_has_no_outline_and_strong_attention_the_widest():
    weights = np.array([[[0.9, 0.06, 0.04]], [[0.4, 0.35, 0.25]]])
    figure = figures.attention_maps(["a", "b"], ["dog"], [IMAGE], [BOXES], weights)
    counts = [len(axis.patches) for axis in figure.axes]
    assert counts == [2, 6]  # each outline has a white edge below it
    assert figure.axes[0].patches[1].get_linewidth() > figure.axes[1].patches[-1].get_linewidth()


def test_a_strength_has_one_size_of_mark_in_all_curves():
    one, two = np.ones(2), np.zeros(1)
    curves = {
        "all": {1: (one, one), 3: (one, one), 10: (one, one)},
        "control": {3: (two, two), 10: (two, two)},
    }
    axis = figures.trade_off(curves, "paid", "bought", "times beta", ["control"]).axes[0]
    sizes = [line.get_markersize() for line in axis.lines if line.get_marker() not in ("", "None")]
    assert len(sizes) == 5 and sizes[3:] == sizes[1:3] and sizes[0] < sizes[1] < sizes[2]
