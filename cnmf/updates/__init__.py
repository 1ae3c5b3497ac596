"""Multiplicative updates of contrastive NMF.

`formula` is the readable version; `fused_numba` (with `products_numba`, `compare_numba` and its
`workspace_numba`) and `fused_cupy` are the fast ones, tested against it.
"""
