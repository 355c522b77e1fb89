"""How ``codetune`` ends: the codes are a contract with scripts and continuous integration."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a script learns from the end of a command."""

    CLEAN = 0
    """Done, and there is no bad news."""
    FINDINGS = 1
    """Done, and there is: findings as severe as asked for, an execution that failed, a conflict, a broken database."""
    USAGE = 2
    """It cannot be done as asked: the command line, the settings, a file or the database cannot be used."""
    INCOMPLETE = 3
    """Done in part, with no bad news: a file could not be read, or a detector failed."""
    INTERRUPTED = 130
    """Ended by Ctrl-C, as shells number it (128 + SIGINT)."""
