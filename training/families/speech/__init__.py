"""Spoken words: samples in, a spectrogram inside the graph, the word's probabilities out."""
