"""Sounds on their way into networks: what they take in, and how it is varied in training."""
