"""Examples for training: what they are, how they are cut from trials, and fetched ahead."""
