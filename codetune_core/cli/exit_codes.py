"""How ``codetune`` ends: the codes are a contract with scripts and continuous integration."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a script learns from the end of a command."""

    CLEAN = 0
    """Everything was reviewed, and nothing reaches the severity asked for."""
    FINDINGS = 1
    """A finding is at least as severe as ``--fail-on``."""
    USAGE = 2
    """The command line, the settings or the baseline cannot be used."""
    INCOMPLETE = 3
    """No such finding, but a file could not be read, or a detector failed."""
    INTERRUPTED = 130
    """Ended by Ctrl-C, as shells number it (128 + SIGINT)."""
