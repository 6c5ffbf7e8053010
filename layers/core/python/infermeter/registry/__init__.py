"""Models, their versions and aliases, and the door by which new versions come in."""
