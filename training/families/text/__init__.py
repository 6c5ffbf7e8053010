"""An encoder over the tokens of a text."""
