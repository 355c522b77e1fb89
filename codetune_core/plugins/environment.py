"""The environment of a plugin's process: what a program needs, and none of the user's secrets."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

PASSED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT")
"""Variables that every program may see."""
_NETWORK = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_FILES = ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "HF_HOME")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Each thread of a numeric library takes address space, which is limited."""

_QUICK = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}
"""Nobody else's code is imported at the start."""


def environment(capabilities: Iterable[str], folder: Path, of: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables for a process with its own temporary folder; a proxy's address only without a password."""
    declared = set(capabilities)
    names = (*PASSED, *(_NETWORK if "network" in declared else ()), *(_FILES if "files" in declared else ()))
    passed = {name: of[name] for name in names if name in of and not ("PROXY" in name and "@" in of[name])}
    own = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    return {"HOME": str(folder), **passed, **own, **dict.fromkeys(_ONE_THREAD, "1"), **_QUICK}
