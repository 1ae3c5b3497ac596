"""Contrastive non-negative matrix factorisation, steered by the attention that EEG reveals."""

__all__: list[str] = []
