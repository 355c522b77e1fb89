"""Runs executions once, and lets any number of connections read their events."""
