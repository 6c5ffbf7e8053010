"""The trainer: recipes in, a published model's folder out. Importing it imports no torch."""
