"""Takes from this process, for good, what reading an untrusted file does not need: the network, programs, other files.

Linux only, and as much of it as the kernel has: a network namespace of its own, and Landlock (the numbers are those of
``linux/landlock.h``). `enter` says what holds.
"""

import ctypes
import os
import sys
from pathlib import Path

_NO_NEW_PRIVS = 38
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_READ = 1 << 2 | 1 << 3
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""Version of Landlock -> how many rights over files it knows; later ones know 16."""
_MOST_RIGHTS = 16
_FILES_RIGHTS = 1 << 1 | 1 << 14 | 1 << 15
"""Those that a rule about something other than a folder may have."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64),)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def enter(writable: Path) -> list[str]:
    """Give up the network, starting programs, and writing anywhere but below a folder; return what of it holds.

    Call it before there are threads. Files can still be read.
    """
    if not sys.platform.startswith("linux"):
        return []
    import resource  # noqa: PLC0415 - Windows has none

    libc = ctypes.CDLL(None, use_errno=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    held = []
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        held.append("no new privileges")
    if libc.unshare(_NEW_NET) == 0 or libc.unshare(_NEW_USER | _NEW_NET) == 0:
        held.append("no network")
    if _landlock(libc, writable):
        held.append(f"no programs, writing below {writable} only")
    return held


def _landlock(libc: ctypes.CDLL, writable: Path) -> bool:
    version = libc.syscall(_CREATE_RULESET, None, 0, _VERSION)
    if version < 1:
        return False
    handled = ((1 << _RIGHTS.get(version, _MOST_RIGHTS)) - 1) & ~_READ
    rules = libc.syscall(_CREATE_RULESET, ctypes.byref(_Ruleset(handled)), ctypes.sizeof(_Ruleset), 0)
    if rules < 0:
        return False
    try:
        allowed = {writable: handled & ~1, Path(os.devnull): handled & _FILES_RIGHTS}
        return all(_allow(libc, rules, path, rights) for path, rights in allowed.items()) and (
            libc.syscall(_RESTRICT_SELF, rules, 0) == 0
        )
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: Path, rights: int) -> bool:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(rights, handle)
        return bool(libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, ctypes.byref(rule), 0) == 0)
    finally:
        os.close(handle)
