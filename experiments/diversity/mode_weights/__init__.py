"""The experiment ``mode_weights``: see ``experiment``."""
