"""SigLIP: contrastive attention decoding.

Read `estimator` first; then, in the order of work, `inputs`, `networks`, `task` and `outputs`.
"""
