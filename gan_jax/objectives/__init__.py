"""What a discriminator and a generator minimise, the penalties on a critic, and the optimal discriminators."""
