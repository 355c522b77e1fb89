"""``codetune prompts``: the prompt library on the command line."""
