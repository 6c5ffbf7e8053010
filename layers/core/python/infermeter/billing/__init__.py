"""From quantities to money: plans, prices, statements."""
