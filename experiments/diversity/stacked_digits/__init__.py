"""The experiment ``stacked_digits``: see ``experiment``."""
