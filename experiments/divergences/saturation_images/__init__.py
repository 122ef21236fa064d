"""The experiment ``saturation_images``: see ``experiment``."""
