"""Losses: contrast, correlation, weighted cross-entropy, and those that need no labels."""

from deep.losses.classification import balanced_weights, weighted_cross_entropy
from deep.losses.contrast import metadata_contrast, mixed, supervised_contrast
from deep.losses.entropy import (
    generalized_entropy,
    information_loss,
    mean_entropy,
    nuclear_norm,
    view_consistency,
)
from deep.losses.sigmoid import sigmoid_contrast
from deep.losses.similarity import pearson, unit_vectors

__all__ = [
    "balanced_weights",
    "generalized_entropy",
    "information_loss",
    "mean_entropy",
    "metadata_contrast",
    "mixed",
    "nuclear_norm",
    "pearson",
    "sigmoid_contrast",
    "supervised_contrast",
    "unit_vectors",
    "view_consistency",
    "weighted_cross_entropy",
]
