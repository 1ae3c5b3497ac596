"""A decoder that looks at one channel."""
