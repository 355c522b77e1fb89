"""The engine ``fallback``."""
