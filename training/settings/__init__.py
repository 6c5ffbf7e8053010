"""What a recipe may set, section by section; without torch."""
