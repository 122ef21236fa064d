"""How far apart two distributions are: exactly, and from samples.

``exact`` knows both densities, ``empirical`` has samples; ``f_divergence`` is the table of the f-divergences. What trains a critic is in
``gan_jax.estimators``. Import the one that is needed: ``from gan_jax.divergences import exact``.
"""
