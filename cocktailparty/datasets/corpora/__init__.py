"""Corpora, a module each.

Each describes its corpus by a `Corpus` and reads it; `table` reads recordings of one's own.
"""
