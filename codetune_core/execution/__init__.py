"""Running prompts: the Executor protocol, its events, the cache of answers."""
