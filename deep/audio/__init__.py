"""Sound as input of networks: the spectral front end, augmentation and corruptions."""
