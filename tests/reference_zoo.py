"""The zoo literally: one image, one caption, one query at a time, from the equations; the judge of vslnb.models."""

from __future__ import annotations

import math

import torch

from reference import l2


def gru(layer, vectors, suffix=""):
    """Outputs (L, H) of one direction, gate by gate."""
    w_in, w_state = getattr(layer, f"weight_ih_l0{suffix}"), getattr(layer, f"weight_hh_l0{suffix}")
    b_in, b_state = getattr(layer, f"bias_ih_l0{suffix}"), getattr(layer, f"bias_hh_l0{suffix}")
    h, outputs = torch.zeros(layer.hidden_size, dtype=vectors.dtype), []
    for x in vectors:
        r_in, z_in, n_in = (w_in @ x + b_in).chunk(3)
        r_h, z_h, n_h = (w_state @ h + b_state).chunk(3)
        r, z = torch.sigmoid(r_in + r_h), torch.sigmoid(z_in + z_h)
        h = (1 - z) * torch.tanh(n_in + r * n_h) + z * h
        outputs.append(h)
    return torch.stack(outputs)


def bigru(layer, vectors):
    return (gru(layer, vectors) + gru(layer, vectors.flip(0), "_reverse").flip(0)) / 2


def cosine(a, b):
    return (a @ b) / max(float(a.norm() * b.norm()), 1e-8)


def attended(queries, context, sharpness):
    """What each query (Q, D) sees of the context (K, D): (Q, D)."""
    relevance = torch.nn.functional.leaky_relu(context @ queries.T, 0.1)  # (K, Q)
    weights = torch.softmax(sharpness * l2(relevance, 1), 0)
    return weights.T @ context


def gpo_pool(pool, parts):
    n, width = len(parts), pool.position_dim
    codes = torch.zeros(n, width, dtype=parts.dtype)
    for k in range(n):
        for j in range(width // 2):
            angle = k * math.exp(-2 * j * math.log(1e4) / width)
            codes[k, 2 * j], codes[k, 2 * j + 1] = math.sin(angle), math.cos(angle)
    weights = torch.softmax(
        torch.stack([(pool.linear.weight[0] @ h) / 0.1 for h in bigru(pool.gru, codes)]), 0
    )
    columns = [sum(w * x for w, x in zip(weights, sorted(column, reverse=True))) for column in parts.T]
    return l2(torch.stack(columns))


def batch_norm(norm, x):
    """Of one vector, in eval mode."""
    return (x - norm.running_mean) / torch.sqrt(norm.running_var + norm.eps) * norm.weight + norm.bias


def image(model, regions):
    """One image (R, F) -> its embedding."""
    module, encoder = model.config.module, model.image_encoder
    x = (regions - encoder.shift) * encoder.scale
    if module == "vsepp":
        v = encoder.linear(x.mean(0))
        return v / v.norm()
    if module == "gpo":
        first, norm, _, second = model.image_mlp
        rows = [encoder.linear(r) + second(torch.relu(batch_norm(norm, first(r)))) for r in x]
        return gpo_pool(model.image_pool, torch.stack(rows))
    x = encoder.linear(x)
    if module == "vsrn":
        axis = 0 if model.config.norm_axis == "regions" else 1
        if model.config.variant == "coco":
            x = x / x.norm(dim=axis, keepdim=True)
        for block in model.relations:
            affinity = block.query(x) @ block.key(x).T / len(x)
            x = torch.stack([batch_norm(block.norm, y) for y in block.output(affinity @ block.value(x))]) + x
        h = gru(model.reader, x / x.norm(dim=axis, keepdim=True))[-1]
        h = batch_norm(model.vector_norm, h) if model.config.variant == "f30k" else h
        return h / h.norm()
    if module == "chan":
        block = model.region_attention
        y, heads = block.ln(x), block.attn.num_heads
        q, k, v = (y @ block.attn.in_proj_weight.T + block.attn.in_proj_bias).chunk(3, 1)
        seen = []
        for a, b, c in zip(q.chunk(heads, 1), k.chunk(heads, 1), v.chunk(heads, 1)):
            seen.append(torch.softmax(a @ b.T / math.sqrt(a.shape[1]), 1) @ c)
        x = x + block.attn.out_proj(torch.cat(seen, 1))
    return l2(x)


def caption(model, ids):
    """One caption (W,) -> its embedding."""
    module, encoder = model.config.module, model.text_encoder
    vectors = encoder.embedding(ids)
    if module in ("vsepp", "vsrn"):
        h = gru(encoder.gru, vectors)[-1]
        return h / h.norm()
    words = bigru(encoder.gru, vectors)
    return gpo_pool(model.text_pool, words) if module == "gpo" else l2(words)


def scan(model, regions, words):
    config = model.config
    words_ask = config.direction == "t2i"
    queries, context = (words, regions) if words_ask else (regions, words)
    seen = attended(queries, context, config.sharpness or (9 if words_ask else 4))
    values = [cosine(q, a) for q, a in zip(queries, seen)]
    if config.aggregation == "lse":
        factor = config.lse or (6 if words_ask else 5)
        return math.log(sum(math.exp(factor * v) for v in values)) / factor
    return {"mean": sum(values) / len(values), "max": max(values), "sum": sum(values)}[config.aggregation]


def imram(model, regions, words):
    total = 0
    for memory, first, context in (
        (model.text_memory, words, regions),
        (model.image_memory, regions, words),
    ):
        if memory is None:
            continue
        queries = first
        for _ in range(model.config.num_steps):
            seen = attended(queries, context, model.config.sharpness or 9)
            total += sum(cosine(q, a) for q, a in zip(first, seen)) / len(first)
            x = torch.cat([queries, seen], 1)
            gate = torch.sigmoid(memory.gate(x))
            queries = gate * queries + (1 - gate) * torch.tanh(memory.linear(x))
    return total


def chan(model, regions, words):
    return torch.logsumexp(torch.stack([max(r @ w for r in regions) for w in words]) / 0.1, 0)


def scores(model, features, ids, lengths, image_lengths=None):
    """(B, C), pair by pair. CHAN's padded regions take part in its attention among regions, and in nothing else."""
    counts = [features.shape[1]] * len(features) if image_lengths is None else list(map(int, image_lengths))
    whole = model.config.module == "chan"
    images = [image(model, x if whole else x[:n])[: n if whole else None] for x, n in zip(features, counts)]
    captions = [caption(model, row[: int(n)]) for row, n in zip(ids, lengths)]
    pair = {"scan": scan, "imram": imram, "chan": chan}.get(model.config.module, lambda _, v, t: v @ t)
    return torch.tensor([[float(pair(model, v, t)) for t in captions] for v in images], dtype=features.dtype)
