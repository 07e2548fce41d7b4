"""The autoencoders, one in a file; `skae` exports them. What they share is in `base`."""
