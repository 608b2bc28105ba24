"""vslnb: the executable study of Visual Semantic Loss for image-text retrieval."""

__version__ = "0.1.0"
