"""VSRN's caption branch: in training, the regions of an image must also suffice to write its caption."""

from __future__ import annotations

import torch
from torch import Tensor, nn

PAD, END = 0, 2  # ids of every vocabulary of ours


class CaptionBranch(nn.Module):
    """A GRU reads the regions, another writes the caption with attention on what the first has read."""

    def __init__(self, embed_dim: int, hidden_dim: int, word_dim: int, vocab_size: int, dropout: float = 0.2):
        super().__init__()
        self.project = nn.Linear(embed_dim, hidden_dim)
        self.region_gru = nn.GRU(hidden_dim, hidden_dim, batch_first=True)
        self.embedding = nn.Embedding(vocab_size, word_dim)
        self.attention = nn.Linear(2 * hidden_dim, hidden_dim)
        self.attention_head = nn.Linear(hidden_dim, 1, bias=False)
        self.word_gru = nn.GRU(hidden_dim + word_dim, hidden_dim, batch_first=True)
        self.head = nn.Linear(hidden_dim, vocab_size)
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_normal_(self.project.weight)
        nn.init.xavier_normal_(self.head.weight)

    def log_probabilities(self, regions: Tensor, words: Tensor) -> Tensor:
        """Regions (B, R, D) and the words so far (B, T) -> log probabilities of the next ones (B, T, V)."""
        read, state = self.region_gru(self.dropout(self.project(regions)))
        hidden = read.shape[2]
        # W_1 [E_r ; h] is a sum, whose first part does not change from word to word.
        of_regions = nn.functional.linear(read, self.attention.weight[:, :hidden], self.attention.bias)
        states = []
        for vectors in self.embedding(words).unbind(1):
            of_state = nn.functional.linear(state[0], self.attention.weight[:, hidden:])
            weights = self.attention_head(torch.tanh(of_regions + of_state[:, None])).softmax(1)
            seen = (weights * read).sum(1)
            given = self.dropout(torch.cat([vectors, seen], dim=1))
            _, state = self.word_gru(given[:, None], state)
            states.append(state[0])
        return self.head(torch.stack(states, dim=1)).log_softmax(2)

    def loss(self, regions: Tensor, ids: Tensor, lengths: Tensor, longest: int = 60) -> Tensor:
        """Minus the log probability of each caption's words and of one pad after them, summed; mean over the batch.

        Args:
            regions: (B, R, D) of `VSRN.encode_regions`.
            ids: (B, W) with `<start>` and `<end>`, padded with 0.
            lengths: (B,).
            longest: words that count; of a longer caption the last becomes `<end>`.
        """
        labels = ids.new_full((len(ids), longest), PAD)
        labels[:, : ids.shape[1]] = ids[:, :longest]
        labels[:, -1] = labels[:, -1].masked_fill(lengths.to(ids.device) > longest, END)
        # Past the longest caption and its pad nothing counts, so nothing is computed there.
        labels = labels[:, : int(lengths.max()) + 1]
        following = labels[:, 1:]
        likelihoods = (
            self.log_probabilities(regions, labels[:, :-1]).gather(2, following[:, :, None]).squeeze(2)
        )
        counted = labels[:, :-1] != PAD  # one pad, right after the end, is asked for
        return -(likelihoods * counted).sum() / len(ids)
