"""The fix rules, one module per family of weaknesses; each registers itself with ``fixes``."""
