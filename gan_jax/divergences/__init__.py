"""How far apart two distributions are: exactly, from samples, and from a critic trained on samples.

``exact`` knows both densities, ``empirical`` has samples, ``variational`` trains a critic; ``f_divergence`` is the table of the
f-divergences. Import the one that is needed: ``from gan_jax.divergences import exact``.
"""
