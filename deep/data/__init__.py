"""Training examples: where they come from, how they are cut from trials, dealt and prefetched."""
