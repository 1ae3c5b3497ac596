"""Selection of one talker from a mixture, by a cue or from memory.

`estimator` is what users see, `network` and `paper` are the networks of its presets, `memory` keeps
voices, `mixtures` makes the training mixtures, `extraction` takes mixtures of any length through a
network.
"""
