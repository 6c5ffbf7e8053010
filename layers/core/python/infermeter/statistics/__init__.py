"""What each version was asked and how long it took: approximate counts, never a bill."""
