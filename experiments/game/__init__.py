"""The game: two players in turn."""
