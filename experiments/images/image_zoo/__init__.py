"""The experiment ``image_zoo``: see ``experiment``."""
