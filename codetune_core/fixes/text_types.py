"""Which expressions are strings for certain, by how they are written or where they come from."""

import libcst as cst

from codetune_core.fixes.site import Site
from codetune_core.fixes.variables import is_set, names_in

_METHODS = frozenset(
    (
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "title",
        "capitalize",
        "format",
        "join",
        "replace",
        "removeprefix",
        "removesuffix",
        "zfill",
        "decode",
        "hexdigest",
        "isoformat",
        "as_posix",
        "read_text",
        "strftime",
    )
)
_FUNCTIONS = frozenset(
    (
        "str", "repr", "input", "os.getcwd", "os.path.join", "os.path.abspath", "os.path.basename", "os.path.dirname",
        "os.path.expanduser", "os.path.realpath", "os.fspath", "tempfile.mkdtemp", "tempfile.gettempdir",
        "getpass.getuser", "getpass.getpass", "pathlib.Path", "pathlib.PurePath", "shlex.quote", "socket.gethostname",
    )
)  # fmt: skip
_ANNOTATIONS = frozenset(("str", "Path", "pathlib.Path", "PurePath", "os.PathLike", "PathLike"))
_ATTRIBUTES = frozenset(("sys.executable", "os.sep", "os.curdir", "os.devnull"))
_DEPTH = 3


def is_text(site: Site, node: cst.BaseExpression | None, depth: int = _DEPTH) -> bool:
    """Whether a value can be an argument of a process as it is: a string or a path."""
    qualified = site.imports.qualified(node) if node else ""
    match node:
        case cst.SimpleString() | cst.FormattedString() | cst.ConcatenatedString():
            return True
        case cst.Call(func=cst.Attribute(attr=cst.Name(name))) if name in _METHODS:
            return True
        case cst.Call(func=function):
            return site.imports.qualified(function) in _FUNCTIONS
        case cst.Subscript(value=value):
            return site.imports.qualified(value) in ("sys.argv", "os.environ")
        case cst.BinaryOperation(left=left, operator=cst.Add(), right=right):
            return is_text(site, left, depth) or is_text(site, right, depth)
        case cst.Name(name):
            return depth > 0 and _is_text_variable(site, name, depth - 1)
        case _:
            return qualified in _ATTRIBUTES


def _is_text_variable(site: Site, name: str, depth: int) -> bool:
    """By the annotation of a parameter, or by every value that the function gives the variable."""
    function = site.nearest(cst.FunctionDef)
    if function is None:
        return False
    places = [place for place in names_in(site, function.body) if place.value == name and is_set(site, place)]
    values = [_assigned(site, place) for place in places]
    for parameter in (*function.params.posonly_params, *function.params.params, *function.params.kwonly_params):
        if parameter.name.value == name:
            annotation = parameter.annotation
            return not places and annotation is not None and site.code(annotation.annotation) in _ANNOTATIONS
    return bool(values) and all(is_text(site, value, depth) for value in values)


def _assigned(site: Site, place: cst.Name) -> cst.BaseExpression | None:
    """What ``=`` gives a variable; None where it gets its value in another way."""
    target = site.parent(place)
    statement = site.parent(target) if isinstance(target, cst.AssignTarget) else None
    return statement.value if isinstance(statement, cst.Assign) else None
