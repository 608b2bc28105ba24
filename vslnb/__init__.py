"""vslnb: the executable study of Visual Semantic Loss for image-text retrieval.

The paper's equations stand alone: `vslnb.ranking` (Eq. 4), `vslnb.losses` (Eq. 2, 5, 6, 7) and
`vslnb.semantics` (Eq. 3). What determines a run is in `vslnb.config`, the named recipes in `vslnb.recipes`.

The rooms:
    models      the architectures, behind one interface: encode images, encode captions, score
    data        data sets in the SCAN layout, their loader and checks; `importing` photos, the bundled `world`
    training    the loop, a step, a run's folder, sweeps over many runs, diagnostics
    retrieval   similarity matrices in blocks, galleries for search, shortlists, attention
    evaluation  recall, NCS, human ratings, ECCV Caption, secondary content, intervals
    figures     arrays in, matplotlib Figure out
    browser     ranked retrievals with widgets or as static pages
    cli         the commands
    study       profiles, `reproduce`, the report, comparisons of runs, the evidence of notebook 08
"""

from importlib import import_module

__version__ = "0.1.0"
# The public face; a name is loaded when it is first used, since some of them take seconds.
_HOME = {
    "soft_rank": "vslnb.ranking",
    "TripletLoss": "vslnb.losses",
    "VisualSemanticLoss": "vslnb.losses",
    "CaptionSpace": "vslnb.semantics",
    "load_released": "vslnb.models",
    "similarity_matrix": "vslnb.retrieval",
    "recall": "vslnb.evaluation",
    "recipe": "vslnb.recipes",
    "train": "vslnb.training.loop",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'vslnb' has no attribute {name!r}")
