"""Tables in, prepared splits out; numpy only."""
