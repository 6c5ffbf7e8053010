"""The only place that talks to AWS: each module puts one service behind a port of the core."""
