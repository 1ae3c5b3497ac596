"""Losses: contrast of pairs and of classes, correlation, and weighted cross-entropy."""

from deep.losses.classification import balanced_weights, weighted_cross_entropy
from deep.losses.contrast import metadata_contrast, mixed, supervised_contrast
from deep.losses.sigmoid import sigmoid_contrast
from deep.losses.similarity import pearson, unit_vectors

__all__ = [
    "balanced_weights",
    "metadata_contrast",
    "mixed",
    "pearson",
    "sigmoid_contrast",
    "supervised_contrast",
    "unit_vectors",
    "weighted_cross_entropy",
]
