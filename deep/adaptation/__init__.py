"""Adaptation of trained classifiers of sounds to what they hear, without labels."""
