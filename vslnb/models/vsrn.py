"""VSRN (Li et al., ICCV 2019): regions reason with each other, then are read in turn into one vector."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from vslnb.config import ModelConfig
from vslnb.models import encoders
from vslnb.models.caption_branch import CaptionBranch
from vslnb.models.matcher import refuse_ragged
from vslnb.models.vectors import VectorMatcher

BLOCKS = 4
RELEASED = {
    **encoders.RELEASED,
    **{
        f"img.Rs_GCN_{k + 1}.{theirs}.": f"relations.{k}.{ours}."
        for k in range(BLOCKS)
        for theirs, ours in (
            ("theta", "query"),
            ("phi", "key"),
            ("g", "value"),
            ("W.0", "output"),
            ("W.1", "norm"),
        )
    },
    "img.img_rnn.": "reader.",
    "img.bn.": "vector_norm.",
    "caption_model.encoder.vid2hid.": "caption_branch.project.",
    "caption_model.encoder.rnn.": "caption_branch.region_gru.",
    "caption_model.decoder.embedding.": "caption_branch.embedding.",
    "caption_model.decoder.attention.linear1.": "caption_branch.attention.",
    "caption_model.decoder.attention.linear2.": "caption_branch.attention_head.",
    "caption_model.decoder.rnn.": "caption_branch.word_gru.",
    "caption_model.decoder.out.": "caption_branch.head.",
}


class RelationBlock(nn.Module):
    """x <- BN(W_0(A g(x))) + x with A = theta(x) phi(x)^T / R; the norm's weights start at 0, so it starts as x."""

    def __init__(self, embed_dim: int):
        super().__init__()
        self.query = nn.Linear(embed_dim, embed_dim)
        self.key = nn.Linear(embed_dim, embed_dim)
        self.value = nn.Linear(embed_dim, embed_dim)
        self.output = nn.Linear(embed_dim, embed_dim)
        self.norm = nn.BatchNorm1d(embed_dim)
        nn.init.zeros_(self.norm.weight)

    def forward(self, regions: Tensor) -> Tensor:
        """(B, R, D) -> (B, R, D)."""
        affinity = self.query(regions) @ self.key(regions).transpose(1, 2) / regions.shape[1]
        found = self.output(affinity @ self.value(regions))
        return self.norm(found.flatten(0, 1)).view_as(found) + regions


class VSRN(VectorMatcher):
    """v = norm(GRU(norm(relations(W x + b)))), t = norm(last state of a GRU), S = v . t.

    `norm_axis` is what regions are normalised over: each channel over the `regions`, as the released code does, or
    each region over its `features`. With `caption_dim` there is a `caption_branch`, a loss for training alone.
    """

    mixes_images = True  # batch norm

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        self.relations = nn.Sequential(*(RelationBlock(config.embed_dim) for _ in range(BLOCKS)))
        self.reader = nn.GRU(config.embed_dim, config.embed_dim, batch_first=True)
        self.vector_norm = nn.BatchNorm1d(config.embed_dim) if config.variant == "f30k" else nn.Identity()
        self.caption_branch: CaptionBranch | None = None
        self.last_regions: Tensor | None = None  # in training, for the caption branch
        if config.caption_dim:
            self.caption_branch = CaptionBranch(
                config.embed_dim, config.caption_dim, config.word_dim, config.vocab_size
            )

    def encode_regions(self, images: Tensor) -> Tensor:
        """(B, R, F) -> regions that have reasoned, (B, R, D), which the caption branch reads too."""
        axis = 1 if self.config.norm_axis == "regions" else 2
        regions = self.image_encoder(images)
        if self.config.variant == "coco":
            regions = functional.normalize(regions, dim=axis)
        return functional.normalize(self.relations(regions), dim=axis)

    def read_regions(self, regions: Tensor) -> Tensor:
        """(B, R, D), in their order -> (B, D)."""
        last = self.reader(regions)[0][:, -1]
        return functional.normalize(self.vector_norm(last), dim=1)

    def encode_images(self, images: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, R, F) -> (B, D)."""
        refuse_ragged(images, lengths, self.config.module)
        regions = self.encode_regions(images)
        self.last_regions = regions if self.training and self.caption_branch else None
        return self.read_regions(regions)

    def own_loss(self, ids: Tensor, lengths: Tensor, part: slice) -> Tensor | None:
        """That of the caption branch, if there is one: the regions (B, R, D) must also suffice to write the captions."""
        regions, self.last_regions = self.last_regions, None
        if self.caption_branch is None or regions is None:
            return None
        return self.caption_branch.loss(regions[part], ids, lengths)
