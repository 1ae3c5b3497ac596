"""Networks of SigLIP, by name in `choice`."""
