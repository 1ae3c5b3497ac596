"""Adaptation of trained classifiers of sounds to new surroundings, without labels."""
