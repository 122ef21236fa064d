"""gan_jax: how far apart are two distributions, and what does a generator feel of it?"""

__version__ = "0.1.0"
