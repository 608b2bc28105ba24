"""Eq. 3: how similar the main contents of two images are, judged by what people wrote about them.

Four named similarities (notebooks 01 and 07). Every caption becomes a vector and every image the mean of its
captions' vectors, so the mean over all pairs of captions is one product:

* `tfidf`, the released code's: words of two letters or more, document frequency over captions, cosine;
* `cider`: n-grams of length 1 to 4, document frequency over images, the mean over n of the cosines;
* `cider_d`, the public metric: clipped counts and a length penalty (sigma 6), times 10; not symmetric;
* `sentence`: the cosine of sentence embeddings (`vslnb.sentences`), which needs the extra `sentence`; it alone sees
  that "a boy" and "a child" are close, and it alone can be below 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from vslnb.config import SIMILARITIES
from vslnb.data.text import CHARACTER, normalised, spaced
from vslnb.data.vocabulary import tokenize
from vslnb.errors import InputError
from vslnb.sentences import sentence_vectors
from vslnb.storage import write_stream

Vectors: TypeAlias = sparse.csr_matrix | np.ndarray  # of words sparse, of sentences dense

ORDERS = (1, 2, 3, 4)
SIGMA = 6.0
PARTS = ("data", "indices", "indptr", "shape")  # of a sparse matrix on disk
# scikit-learn's words of two letters or more, and each character of a script without blanks between words.
WORD = rf"(?u){CHARACTER}|\b\w\w+\b"


class CaptionSpace:
    """The captions of a corpus as vectors; similarities of batches of it as small dense matrices.

    `candidates` and `references` are (captions, features); they are one matrix but for `cider_d`.

    >>> space = CaptionSpace.fit(["a red dog", "the dog runs", "a boat", "a red boat"], captions_per_image=2)
    >>> space.image_similarity().shape
    (2, 2)
    >>> space.caption_image_similarity([0], [0, 1]).round(3)
    array([[0.672, 0.25 ]], dtype=float32)
    """

    def __init__(
        self,
        kind: str,
        candidates: Vectors,
        references: Vectors,
        counts: Sequence[int] | np.ndarray,
        lengths: np.ndarray | None = None,
    ):
        self.kind, self.candidates, self.references, self.lengths = kind, candidates, references, lengths
        self.counts = np.asarray(counts, dtype=int)
        starts = np.concatenate([[0], np.cumsum(counts)])
        # Row i holds 1/Q on the captions of image i: `average @ vectors` is the image's mean vector.
        weights = np.repeat(1.0 / np.maximum(counts, 1), counts)
        self.average = sparse.csr_matrix((weights, np.arange(starts[-1]), starts))
        self.images: Vectors | None = None if kind == "cider_d" else self.average @ references

    @classmethod
    def fit(
        cls, captions: Sequence[str], captions_per_image: int | Sequence[int] = 5, kind: str = "tfidf"
    ) -> CaptionSpace:
        """Learn document frequencies from a corpus and hold its vectors.

        Args:
            captions: all captions, those of an image consecutive.
            captions_per_image: Q, or one count an image.
            kind: `tfidf`, `cider`, `cider_d` or `sentence`.

        Raises:
            ValueError: for an unknown kind, no captions, one that is no text, or counts that do not add up.
            InputError: for `sentence` without its extra.
        """
        if kind not in SIMILARITIES:
            raise ValueError(f"kind must be one of {', '.join(SIMILARITIES)}, got {kind!r}")
        if isinstance(captions, str):
            raise ValueError("captions must be a list of texts, not one text")
        if not len(captions):
            raise ValueError("there are no captions to fit")
        captions = list(captions)
        for position, caption in enumerate(captions):
            if not isinstance(caption, str):
                raise ValueError(f"caption {position} is {caption!r:.60}, not a text; positions count from 0")
        counts = _counts(len(captions), captions_per_image)
        if kind == "tfidf":
            vectors = _released_tfidf(captions)
            return cls(kind, vectors, vectors, counts)
        if kind == "sentence":
            embedded = sentence_vectors(captions)
            return cls(kind, embedded, embedded, counts)
        words = _treebank_words if kind == "cider" else _whitespace_words
        orders = [_ngrams(captions, words, n) for n in ORDERS]
        image_of = np.repeat(np.arange(len(counts)), counts)
        if kind == "cider":
            from sklearn.preprocessing import normalize  # a second to load, as the other two of scikit-learn

            weighted = [normalize(tf @ sparse.diags(_idf(tf, image_of, len(counts)))) for tf in orders]
            vectors = sparse.hstack(weighted, format="csr") / np.sqrt(len(ORDERS))
            return cls(kind, vectors, vectors, counts)
        pairs = [_clipped(tf, _idf(tf, image_of, len(counts))) for tf in orders]
        candidates = sparse.hstack([pair[0] for pair in pairs], format="csr")
        references = sparse.hstack([pair[1] for pair in pairs], format="csr")
        # The public scorer measures length in bigrams.
        return cls(kind, candidates, references, counts, np.asarray(orders[1].sum(1)).ravel())

    def save(self, path: str | Path) -> None:
        """One .npz without pickles, whole or not at all."""
        same = self.candidates is self.references
        matrices = {"candidates": self.candidates} | ({} if same else {"references": self.references})
        arrays: dict[str, Any] = {}
        for name, matrix in matrices.items():
            if sparse.issparse(matrix):
                arrays |= {f"{name}.{part}": getattr(matrix, part) for part in PARTS}
            else:
                arrays[name] = matrix
        if self.lengths is not None:
            arrays["lengths"] = self.lengths
        arrays = {"kind": np.array(self.kind), "counts": self.counts} | arrays
        write_stream(Path(path), lambda stream: np.savez(stream, **arrays))

    @classmethod
    def load(cls, path: str | Path) -> CaptionSpace:
        """The inverse of `save`.

        Raises:
            InputError: for a file that is not a saved space.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = dict(file)
            matrices = [
                arrays[name] if name in arrays else _sparse(*(arrays[f"{name}.{part}"] for part in PARTS))
                for name in ("candidates", "references")
                if name in arrays or f"{name}.data" in arrays
            ]
            return cls(
                str(arrays["kind"]), matrices[0], matrices[-1], arrays["counts"], arrays.get("lengths")
            )
        except Exception as fault:  # a damaged archive can raise nearly anything
            problem = f"not a saved CaptionSpace ({fault})"
            raise InputError(path, problem, "Remove it; it will be made again.") from None

    def caption_similarity(self, captions: object = None, others: object = None) -> np.ndarray:
        """Similarity of captions (n, m) float32: row = candidate, column = reference; None = all."""
        total = self.candidates.shape[0]
        rows = _pick(captions, total)
        return self._captions(rows, rows if others is None else _pick(others, total)).astype(np.float32)

    def image_similarity(self, images: object = None, others: object = None) -> np.ndarray:
        """Eq. 3, (n, m) float32: mean over all pairs of the two images' captions."""
        total = self.average.shape[0]
        rows = _pick(images, total)
        columns = rows if others is None else _pick(others, total)
        if self.images is not None:
            return _products(self.images[rows], self.images[columns]).astype(np.float32)
        left = self.average[rows]
        used = np.unique(left.indices)
        return (left[:, used] @ self._captions_to_images(used, columns)).astype(np.float32)

    def caption_image_similarity(self, captions: object = None, images: object = None) -> np.ndarray:
        """(n, m) float32: mean over the image's captions; `cider_d` in the public metric's scale."""
        rows = _pick(captions, self.candidates.shape[0])
        columns = _pick(images, self.average.shape[0])
        if self.images is not None:
            return _products(self.candidates[rows], self.images[columns]).astype(np.float32)
        return self._captions_to_images(rows, columns).astype(np.float32)

    def _captions_to_images(self, rows: np.ndarray, columns: np.ndarray, block: int = 1000) -> np.ndarray:
        """Mean over each image's captions; dense only for `block` captions at a time."""
        weights = self.average[columns]
        used = np.unique(weights.indices)
        result = np.zeros((len(rows), len(columns)))
        for start in range(0, len(rows), block):
            part = slice(start, start + block)
            result[part] = (weights[:, used] @ self._captions(rows[part], used).T).T
        return result

    def _captions(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        similarity = _products(self.candidates[rows], self.references[columns])
        if self.lengths is not None:
            gap = self.lengths[rows][:, None] - self.lengths[columns][None, :]
            similarity *= 10 * np.exp(-(gap**2) / (2 * SIGMA**2))
        return similarity


def _products(rows: Vectors, columns: Vectors) -> np.ndarray:
    found = rows @ columns.T
    return found if isinstance(found, np.ndarray) else found.toarray()


def _sparse(
    data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, shape: np.ndarray
) -> sparse.csr_matrix:
    return sparse.csr_matrix((data, indices, indptr), shape)


def _counts(captions: int, per_image: int | Sequence[int]) -> np.ndarray:
    if isinstance(per_image, (int, np.integer)):
        if per_image < 1 or captions % per_image:
            raise ValueError(f"{captions} captions are not {per_image} an image")
        return np.full(captions // per_image, per_image)
    counts = np.asarray(per_image, dtype=int)
    if (counts < 0).any() or counts.sum() != captions:
        raise ValueError(f"captions_per_image adds up to {counts.sum()}, but there are {captions} captions")
    return counts


def _pick(indices: object, total: int) -> np.ndarray:
    """Indices from indices, a mask, or None for all."""
    if indices is None:
        return np.arange(total)
    chosen = np.asarray(indices.cpu() if hasattr(indices, "cpu") else indices).ravel()
    if chosen.dtype == bool:
        if len(chosen) != total:
            raise ValueError(f"a mask of {len(chosen)} for {total} items")
        return np.flatnonzero(chosen)
    if len(chosen) and not np.issubdtype(chosen.dtype, np.integer):
        raise TypeError(f"indices must be integers, got {chosen.dtype}")
    return chosen.astype(int)


def _treebank_words(caption: str) -> list[str]:
    return [word for word in tokenize(caption) if any(c.isalnum() for c in word)]


def _whitespace_words(caption: str) -> list[str]:
    return spaced(normalised(caption.lower())).split()


def _released_tfidf(captions: Sequence[str]) -> sparse.csr_matrix:
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        words = TfidfVectorizer(preprocessor=lambda text: normalised(text.lower()), token_pattern=WORD)
        return words.fit_transform(captions).tocsr()
    except ValueError:  # scikit-learn refuses a corpus without a single word; its similarity is 0
        return sparse.csr_matrix((len(captions), 1))


def _ngrams(captions: Sequence[str], words: Callable[[str], list[str]], n: int) -> sparse.csr_matrix:
    """Counts of n-grams (captions, n-grams)."""
    from sklearn.feature_extraction.text import CountVectorizer

    def analyze(caption: str) -> list[str]:
        tokens = words(caption)
        return [" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]

    try:
        return CountVectorizer(analyzer=analyze, dtype=np.float64).fit_transform(captions).tocsr()
    except ValueError:  # no caption is as long as n words
        return sparse.csr_matrix((len(captions), 1))


def _idf(counts: sparse.csr_matrix, image_of: np.ndarray, images: int) -> np.ndarray:
    """log(images / images whose captions hold the n-gram)."""
    pairs = counts.tocoo()
    seen = sparse.csr_matrix(
        (np.ones(pairs.nnz), (image_of[pairs.row], pairs.col)), (images, counts.shape[1])
    )
    frequency = np.bincount(seen.indices, minlength=counts.shape[1])
    return np.log(images / np.maximum(frequency, 1))


def _clipped(counts: sparse.csr_matrix, idf: np.ndarray) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Two matrices whose product is sum_g min(h_g, r_g) r_g / (|h| |r|), the clipped cosine of CIDEr-D.

    min(a, b) of two counts is the number of t >= 1 with t <= a and t <= b, so a column for each pair
    (n-gram, t) turns the minimum, which no product can express, into a product.
    """
    norms = np.sqrt(np.asarray((counts @ sparse.diags(idf)).power(2).sum(1)).ravel())
    inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0) / np.sqrt(len(ORDERS))
    candidates, references = [], []
    for t in range(1, int(counts.max()) + 1 if counts.nnz else 2):
        reached = counts.copy()
        reached.data = (counts.data >= t).astype(float)
        reached.eliminate_zeros()
        scaled = sparse.diags(inverse) @ reached @ sparse.diags(idf)
        candidates.append(scaled)
        references.append(scaled.multiply(counts))
    return sparse.hstack(candidates, format="csr"), sparse.hstack(references, format="csr")
