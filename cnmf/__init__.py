"""Contrastive non-negative matrix factorisation, steered by the attention that EEG reveals."""

from cnmf.estimator import ContrastiveNMF

__all__ = ["ContrastiveNMF"]
