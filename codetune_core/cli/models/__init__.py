"""The ``codetune models`` subcommands."""
