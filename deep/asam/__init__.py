"""Selection of one talker from a mixture, by a cue or from memory.

`deep.asam.estimator` is what users see, `network` and `paper` are the networks of its presets,
`memory` is where voices are kept, `mixtures` what is trained on, `extraction` how a mixture of any
length is taken through a network.
"""
