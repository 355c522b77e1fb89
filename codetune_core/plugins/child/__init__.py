"""The process of one plugin: its limits, its loading, its runs."""
