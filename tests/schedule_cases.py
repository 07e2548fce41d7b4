"""The schedule that variants have by default, for a plain autoencoder beside them."""

OF_VARIANTS = {"learning_rate": "one_cycle", "learning_rate_init": 2e-3, "max_iter": 50}
