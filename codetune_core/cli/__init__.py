"""The ``codetune`` command and its subcommands."""
