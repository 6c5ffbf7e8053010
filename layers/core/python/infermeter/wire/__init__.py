"""Bytes to domain and back: pure functions, with no AWS and no model runtime behind them."""
