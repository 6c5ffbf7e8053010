"""Pictures, one folder for each class."""
