"""The process of the user that all editors and terminals share: found, started, asked how it is, and stopped."""
