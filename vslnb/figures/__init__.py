"""Arrays in, matplotlib Figure out: seaborn where it draws a thing well, one style for all."""

from vslnb.figures.bars import bars_against
from vslnb.figures.changes import rank_changes
from vslnb.figures.comparisons import ablation_plot, forest_plot, recall_bars, share_bars
from vslnb.figures.distributions import box_by_group, histogram, pairwise_scatter
from vslnb.figures.line_plots import curves, epoch_curves, learning_curves
from vslnb.figures.matrices import agreement_map, heat_maps, similarity_map
from vslnb.figures.method import method_diagram
from vslnb.figures.orders import two_orders
from vslnb.figures.rankings import Ranking, attention_maps, image_row, ranked_captions, ranked_images
from vslnb.figures.style import (
    ARM_COLOURS,
    ARM_NAMES,
    MAIN,
    MODULE_NAMES,
    PALETTE,
    SECONDARY,
    Figure,
    canvas,
)
from vslnb.figures.trade_off import trade_off

__all__ = [
    "ARM_COLOURS",
    "ARM_NAMES",
    "MAIN",
    "MODULE_NAMES",
    "PALETTE",
    "SECONDARY",
    "Figure",
    "Ranking",
    "ablation_plot",
    "agreement_map",
    "attention_maps",
    "bars_against",
    "box_by_group",
    "canvas",
    "curves",
    "epoch_curves",
    "forest_plot",
    "heat_maps",
    "histogram",
    "image_row",
    "learning_curves",
    "method_diagram",
    "pairwise_scatter",
    "rank_changes",
    "ranked_captions",
    "ranked_images",
    "recall_bars",
    "share_bars",
    "similarity_map",
    "trade_off",
    "two_orders",
]
