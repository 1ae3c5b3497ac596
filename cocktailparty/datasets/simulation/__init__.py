"""Simulated listeners: what drives them, and their EEG."""
