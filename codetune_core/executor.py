"""The LocalExecutor: choose the version, render, look into the cache, generate, record."""
