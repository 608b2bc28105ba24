"""Scores of images and captions: the similarity matrix in blocks, galleries, shortlists, attention."""

from vslnb.retrieval.similarity import similarity_matrix

__all__ = ["similarity_matrix"]
