"""Corpora, one module for each.

Each describes its corpus by a `Corpus` and reads it; `table` reads your own recordings.
"""
