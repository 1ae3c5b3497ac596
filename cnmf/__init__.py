"""Contrastive non-negative matrix factorisation, steered by the attention that EEG reveals."""

from cnmf.estimator import ContrastiveNMF
from cnmf.steering import NeuroSteeredSeparator

__all__ = ["ContrastiveNMF", "NeuroSteeredSeparator"]
