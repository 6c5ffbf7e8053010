"""The proof: every schedule of the real handlers, and every guard seen to be needed."""
