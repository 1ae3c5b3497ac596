"""Training of networks.

Read `estimator` first, then `loop`, `run` and `step`: from scikit-learn's interface down to one
update.
"""
