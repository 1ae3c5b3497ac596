"""Classification of sounds with supervised contrast and metadata.

Read `estimator` first, then `task` and `network`. `panns` has the backbones, `torch_files` reads
weights that others have trained.
"""
