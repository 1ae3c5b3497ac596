"""Classification of sounds with supervised contrast and metadata.

Read `estimator` first, then `task` and `network`. `panns` and `amaut` are the backbones,
`torch_files` reads published weights.
"""
