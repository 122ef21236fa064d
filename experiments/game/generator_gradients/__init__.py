"""The experiment ``generator_gradients``: see ``experiment``."""
