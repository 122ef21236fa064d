"""The experiment ``optimal_discriminator``: see ``experiment``."""
