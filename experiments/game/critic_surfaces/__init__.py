"""The experiment ``critic_surfaces``: see ``experiment``."""
