"""Figures.

One module for each kind of figure, in the common `style`.
"""

from cocktailparty.plots.classification import confusion_matrix, embedding_map
from cocktailparty.plots.comparison import (
    accuracy_by_window,
    correlation_scatter,
    reconstruction_excerpt,
)
from cocktailparty.plots.decisions import follows_text, plot_decisions
from cocktailparty.plots.regularisation import regularisation_path
from cocktailparty.plots.subjects import subject_accuracies
from cocktailparty.plots.topography import channel_topomap, cluster_map, trf_topomap

__all__ = [
    "accuracy_by_window",
    "channel_topomap",
    "cluster_map",
    "confusion_matrix",
    "correlation_scatter",
    "embedding_map",
    "follows_text",
    "plot_decisions",
    "reconstruction_excerpt",
    "regularisation_path",
    "subject_accuracies",
    "trf_topomap",
]
