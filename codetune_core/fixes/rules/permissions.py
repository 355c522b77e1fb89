"""Fixes for files that others may write, run or foresee: modes that are too wide, fixed paths in ``/tmp``."""

import re
from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.imports import Reference
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, argument

_OTHERS_WRITE, _GROUP_RUNS, _OWNER = 0o002, 0o010, 0o700
_BITS = {
    "S_IRWXU": 0o700, "S_IRUSR": 0o400, "S_IWUSR": 0o200, "S_IXUSR": 0o100, "S_IREAD": 0o400, "S_IWRITE": 0o200,
    "S_IRWXG": 0o070, "S_IRGRP": 0o040, "S_IWGRP": 0o020, "S_IXGRP": 0o010, "S_IEXEC": 0o100,
    "S_IRWXO": 0o007, "S_IROTH": 0o004, "S_IWOTH": 0o002, "S_IXOTH": 0o001,
    "S_ISUID": 0o4000, "S_ISGID": 0o2000, "S_ISVTX": 0o1000,
}  # fmt: skip
_TMP = re.compile(r"(?P<open>[rRfFuU]*(?:\"\"\"|'''|\"|'))/tmp(?:/+(?P<rest>.*))?(?P<close>\"\"\"|'''|\"|')", re.DOTALL)


@fixes("S103")
def wide_mode(site: Site) -> Iterator[Proposal]:
    """``os.chmod(path, 0o777)`` -> ``0o700``, and ``0o666`` -> ``0o664``."""
    call = site.nearest(cst.Call)
    mode = _mode(site, call) if call else None
    narrow = _narrowed(site, mode) if mode else ""
    if mode is None or not narrow:
        return
    note = (
        "Only the owner keeps the right to run or enter it; nobody but owner and group may write. If a server under "
        "another user needs it, put both users into one group instead of opening it to everyone."
    )
    yield Proposal(f"narrow the mode to `{narrow}`", Applicability.UNSAFE, (site.replace(mode, narrow),), note=note)


@fixes("S108")
def fixed_tmp_path(site: Site) -> Iterator[Proposal]:
    """``"/tmp/name"`` -> ``os.path.join(tempfile.gettempdir(), "name")``."""
    text = site.nearest(cst.SimpleString) or site.nearest(cst.FormattedString)
    parts = _TMP.fullmatch(site.code(text)) if text else None
    folder = site.imports.reference("tempfile", "gettempdir")
    if text is None or parts is None or folder is None or _only_compared(site, text):
        return
    code, needs = f"{folder.code}()", [folder]
    if parts["rest"]:
        rest = f"{parts['open']}{parts['rest']}{parts['close']}"
        join = _join(site)
        if _is_path_argument(site, text):
            code = f"{code}, {rest}"
        elif join:
            code, needs = f"{join.code}({code}, {rest})", [folder, join]
        else:
            return
    note = (
        "The folder is then the one that `TMPDIR` names. Others can still foresee the name and put a link in its "
        "place: for a file of your own use `tempfile.mkstemp()` or `tempfile.TemporaryDirectory()`."
    )
    yield Proposal(
        "ask for the temporary folder", Applicability.UNSAFE, (site.replace(text, code),), tuple(needs), note
    )


def _is_path_argument(site: Site, text: cst.BaseExpression) -> bool:
    """Whether a path is the only argument of ``Path``, which joins several by itself."""
    arg = site.parent(text)
    call = site.parent(arg) if isinstance(arg, cst.Arg) else None
    return isinstance(call, cst.Call) and len(call.args) == 1 and site.imports.qualified(call.func) == "pathlib.Path"


def _join(site: Site) -> Reference | None:
    """How to write ``os.path.join``: over ``os`` where nothing leads to it yet."""
    present = site.imports.reference("os.path", "join")
    through_os = site.imports.reference("os")
    if through_os and (present is None or present.statement):
        return Reference(f"{through_os.code}.path.join", through_os.statement)
    return present


def _mode(site: Site, call: cst.Call) -> cst.BaseExpression | None:
    method = site.imports.qualified(call.func) not in ("os.chmod", "os.fchmod", "os.lchmod")
    arg = argument(call, "mode", 0 if method else 1)
    return arg.value if arg else None


def _narrowed(site: Site, mode: cst.BaseExpression) -> str:
    """The mode without the rights that are too many, in the notation it had; empty where none would be left."""
    if isinstance(mode, cst.Integer):
        if not mode.evaluated_value & (_OTHERS_WRITE | _GROUP_RUNS):
            return mode.value
        value = _narrow(mode.evaluated_value)
        return f"0o{value:o}" if value else ""
    if isinstance(mode, cst.BinaryOperation) and isinstance(mode.operator, cst.BitOr):
        left, right = _narrowed(site, mode.left), _narrowed(site, mode.right)
        return f"{left} | {right}" if left and right else left or right
    bits = _BITS.get(site.code(mode).rpartition(".")[2], 0)
    return "" if bits & (_OTHERS_WRITE | _GROUP_RUNS) else site.code(mode) if bits else ""


def _narrow(mode: int) -> int:
    return mode & _OWNER if mode & _GROUP_RUNS or not mode & _OWNER else mode & ~_OTHERS_WRITE


def _only_compared(site: Site, text: cst.BaseExpression) -> bool:
    """Whether the path is looked for, not opened: compared, or the beginning that a path may have."""
    call = site.nearest(cst.Call, text)
    asks = (
        call is not None and isinstance(call.func, cst.Attribute) and call.func.attr.value in ("startswith", "replace")
    )
    return asks or site.nearest(cst.Comparison, text) is not None
