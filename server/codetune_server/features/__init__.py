"""One small module for each method of the protocol, or for a few that belong together."""
