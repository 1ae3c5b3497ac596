"""Training of networks: estimators, the loop over epochs, single updates.

Read `estimator` first, then `loop`, `trainer` and `step`: from the scikit-learn interface down to
one update.
"""
