"""Networks of SigLIP; `choice` finds them by name."""
