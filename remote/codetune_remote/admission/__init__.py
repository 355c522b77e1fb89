"""Decides what may begin, and when: rate limits, bounded queues, priorities."""
