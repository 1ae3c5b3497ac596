"""What the modules of several corpora read with: arrays, triggers, positions, subjects."""
