"""How far two distributions are apart, and what a discriminator makes of it."""
