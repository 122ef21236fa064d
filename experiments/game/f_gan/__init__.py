"""The experiment ``f_gan``: see ``experiment``."""
