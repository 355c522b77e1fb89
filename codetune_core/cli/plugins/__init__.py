"""``codetune plugins`` and its subcommands."""
