"""From one set to another that nobody paired with it."""
