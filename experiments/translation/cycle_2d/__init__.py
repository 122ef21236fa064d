"""The experiment ``cycle_2d``: see ``experiment``."""
