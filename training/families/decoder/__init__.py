"""A language model: from the tokens before to the next one."""
