"""The experiment ``cycle_digits``: see ``experiment``."""
