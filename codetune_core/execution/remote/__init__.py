"""The Executor over HTTP: the daemon of this machine, or the service of a team."""
