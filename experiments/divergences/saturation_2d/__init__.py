"""The experiment ``saturation_2d``: see ``experiment``."""
