"""Readers that several corpora share: arrays, triggers, positions, subjects."""
