"""Slow literal loops: the judge of the fast code. Written from the equations, one pair at a time."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn


def l2(x, dim=-1):
    return x / (torch.sqrt((x**2).sum(dim, keepdim=True)) + 1e-8)


def caption_scores(model, images, words):
    """Scores (B,) of all images with one caption (W, D): the released program's unit of work."""
    mean_words = words.mean(0)
    t = model.text_global
    local, whole = torch.tanh(t.local(words)), torch.tanh(t.whole(mean_words))
    weights = torch.softmax(t.common(local * whole).squeeze(1), 0)
    caption_global = l2((weights[:, None] * words).sum(0))
    g = model.image_global
    local = torch.tanh(g.local_norm(g.local(images)))
    whole = torch.tanh(g.whole_norm(g.whole(images.mean(1))))
    weights = torch.softmax(g.common(local * whole[:, None]).squeeze(2), 1)
    image_globals = l2((weights[:, :, None] * images).sum(1))
    if model.config.module == "cosine":
        return image_globals @ caption_global
    nodes = []
    for i, regions in enumerate(images):
        relevance = nn.functional.leaky_relu(regions @ words.T, 0.1)  # (R, W)
        attention = torch.softmax(9 * l2(relevance, 1), 0)
        context = l2(attention.T @ regions)
        local = l2(model.alignment.local((context - words) ** 2))
        whole = l2(model.alignment.whole((image_globals[i] - caption_global) ** 2))
        nodes.append(torch.cat([whole[None], local]))
    x = torch.stack(nodes)  # (B, 1 + W, S)
    if model.config.module == "sgr":
        for step in model.reasoning.steps:
            edges = torch.softmax(step.query(x) @ step.key(x).transpose(1, 2), 2)
            x = torch.relu(step.output(edges @ x))
        vectors = x[:, 0]
    else:
        saf = model.filtration
        logits = saf.norm(saf.attention(x).transpose(1, 2)).squeeze(1)  # a BatchNorm1d(1) over (B, 1, 1 + W)
        attention = torch.sigmoid(logits)
        attention = attention / (attention.abs().sum(1, keepdim=True) + 1e-8)
        vectors = l2((attention[:, :, None] * x).sum(1))
    return torch.sigmoid(model.head(vectors)).squeeze(1)


def scores(model, images, captions, lengths):
    """(B, C), one caption after the other."""
    columns = [caption_scores(model, images, captions[c, : int(n)]) for c, n in enumerate(lengths)]
    return torch.stack(columns, 1)


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def soft_rank(m, tau, variant):
    n = len(m)
    ranks = np.ones((n, n))
    for i in range(n):
        for j in range(n):
            for k in range(n):
                if variant == "paper":
                    ranks[i, j] += sigmoid((m[i][j] - m[i][k]) / tau)
                elif variant == "descending" and k != j:
                    ranks[i, j] += sigmoid((m[i][k] - m[i][j]) / tau)
                elif variant == "released" and k != j:
                    ranks[i, j] += sigmoid(min(max((m[k][i] - m[i][j]) / tau, -50), 50))
    return ranks


def hard_rank(m, variant):
    n = len(m)
    ranks = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            above = sum(m[i][k] > m[i][j] for k in range(n))
            below = sum(m[i][k] < m[i][j] for k in range(n))
            ranks[i, j] = 1.5 + below if variant == "paper" else 1 + above
    return ranks


def visual_semantic_loss(s, c, tau, variant):
    a, b = soft_rank(s, tau, variant), soft_rank(c, tau, variant)
    n = len(s)
    ratios = [min(a[i, j], b[i, j]) / max(a[i, j], b[i, j]) for i in range(n) for j in range(n)]
    return 1 - sum(ratios) / n**2


def triplet(s, margin, negatives, slack=0.0, c=None, left_out=0.0):
    total, n = 0.0, len(s)

    def wanted(i, j):
        """The margin of the pair i to a negative that holds j."""
        return margin * (1 - slack * min(1.0, max(0.0, c[i][j] / c[i][i]))) if slack else margin

    for i in range(n):
        wrong = [j for j in range(n) if j != i and not (left_out and c[i][j] / c[i][i] >= left_out)]
        row = [max(0.0, wanted(i, j) + s[i][j] - s[i][i]) for j in wrong] or [0.0]
        column = [max(0.0, wanted(i, j) + s[j][i] - s[i][i]) for j in wrong] or [0.0]
        for costs in (row, column):
            if negatives == "hardest":
                total += max(costs)
            elif negatives == "all":
                total += sum(costs)
            elif negatives == "mean":
                total += sum(costs) / n
            else:
                violating = [cost for cost in costs if cost > 0]
                total += sum(violating) / max(1, len(violating))
    return total


def contrastive(s, temperature, softness=0.0, c=None):
    total, n = 0.0, len(s)
    for i in range(n):
        labels = [float(j == i) for j in range(n)]
        if softness:
            common = [max(0.0, c[i][j]) for j in range(n)]
            labels = [(1 - softness) * one + softness * x / sum(common) for one, x in zip(labels, common)]
        for scores in ([s[i][j] for j in range(n)], [s[j][i] for j in range(n)]):
            whole = sum(math.exp(x / temperature) for x in scores)
            total -= sum(
                label * math.log(math.exp(x / temperature) / whole) for label, x in zip(labels, scores)
            )
    return total


def best_ranks(s, per_image):
    """0-based rank of the best positive, by sorting with the positives behind their ties."""
    images, captions = s.shape
    to_text, to_image = [], []
    for i in range(images):
        order = sorted(range(captions), key=lambda c: (-s[i, c], c // per_image == i))
        first = next(r for r, c in enumerate(order) if c // per_image == i)
        to_text.append(first)
    for c in range(captions):
        order = sorted(range(images), key=lambda i: (-s[i, c], i == c // per_image))
        to_image.append(order.index(c // per_image))
    return np.array(to_text), np.array(to_image)


def ncs(s, relevance, k, own, per_image):
    """NCS@K both ways, query by query."""
    images, captions = s.shape
    result = []
    for by_image in (True, False):
        shares = []
        for query in range(images if by_image else captions):
            listed = []
            for item in range(captions if by_image else images):
                i, c = (query, item) if by_image else (item, query)
                if own or c // per_image != i:
                    listed.append((s[i, c], relevance[i, c]))
            reached = sum(r for _, r in sorted(listed, key=lambda pair: (-pair[0], pair[1]))[:k])
            best = sum(sorted((r for _, r in listed), reverse=True)[:k])
            if best > 0:
                shares.append(100 * reached / best)
        result.append(sum(shares) / len(shares) if shares else 0.0)
    return result


def ngrams(tokens, n):
    counts = {}
    for i in range(len(tokens) - n + 1):
        key = tuple(tokens[i : i + n])
        counts[key] = counts.get(key, 0) + 1
    return counts


def cider_pair(captions, per_image, tokens):
    """Caption-caption CIDEr (mean over n of the cosines), df over images."""
    images = len(captions) // per_image
    result = np.zeros((len(captions), len(captions)))
    for n in (1, 2, 3, 4):
        counts = [ngrams(tokens(c), n) for c in captions]
        df = {}
        for i in range(images):
            seen = set().union(*counts[i * per_image : (i + 1) * per_image])
            for g in seen:
                df[g] = df.get(g, 0) + 1
        vectors = [{g: k * math.log(images / df[g]) for g, k in c.items()} for c in counts]
        norms = [math.sqrt(sum(v * v for v in vector.values())) for vector in vectors]
        for a in range(len(captions)):
            for b in range(len(captions)):
                if norms[a] and norms[b]:
                    dot = sum(v * vectors[b].get(g, 0.0) for g, v in vectors[a].items())
                    result[a, b] += dot / (norms[a] * norms[b]) / 4
    return result


def pair_losses(s, margin):
    """NCR's loss of every pair: the mean cost of its row plus that of its column."""
    n, losses = len(s), []
    for i in range(n):
        row = sum(max(0.0, margin + s[i][j] - s[i][i]) for j in range(n) if j != i) / n
        column = sum(max(0.0, margin + s[k][i] - s[i][i]) for k in range(n) if k != i) / n
        losses.append(row + column)
    return losses


def predicted_labels(s, margin):
    trust = [min(margin, max(0.0, margin - loss / 2)) for loss in pair_losses(s, margin)]
    best = sorted(trust, reverse=True)[: len(s) // 10 + 1]
    scale = sum(best) / len(best)
    return [min(1.0, one / scale) if scale else 0.0 for one in trust]


def soft_triplet(s, margin, curve, image_label, caption_label):
    """The hardest negatives with a margin an entry: `image_label(i, j)` of image i before caption j, and so on."""

    def wanted(label):
        if curve == "exponential":
            label = (10**label - 1) / 9
        elif curve == "sin":
            label = (math.sin(math.pi * label - math.pi / 2) + 1) / 2
        return margin * label

    n, total = len(s), 0.0
    for i in range(n):
        others = [j for j in range(n) if j != i]
        total += max((max(0.0, wanted(image_label(i, j)) + s[i][j] - s[i][i]) for j in others), default=0.0)
        total += max((max(0.0, wanted(caption_label(j, i)) + s[j][i] - s[i][i]) for j in others), default=0.0)
    return total
