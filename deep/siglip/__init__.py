"""SigLIP: contrastive attention decoding.

Read `estimator` first; `inputs`, `networks`, `task` and `outputs` are its parts in the order of
work.
"""
