"""The experiment ``time_to_reach``: see ``experiment``."""
