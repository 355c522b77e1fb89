"""The language server: the Language Server Protocol around the core, for one editor window each."""
