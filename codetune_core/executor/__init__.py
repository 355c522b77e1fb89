"""Runs executions in this process."""
