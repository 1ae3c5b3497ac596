"""The engine of lagged least squares.

Read `moments` first: products of lagged signals, which add up over trials; `penalties`, `systems`
and `leave_one_out` solve for weights and choose penalties; `model` and `ridge` make estimators of
them.
"""
