"""The experiment ``dirac_gan``: see ``experiment``."""
