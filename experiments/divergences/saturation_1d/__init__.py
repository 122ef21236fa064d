"""The experiment ``saturation_1d``: see ``experiment``."""
