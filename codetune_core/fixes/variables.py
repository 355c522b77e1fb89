"""Local variables that are set once and used once."""

from dataclasses import dataclass

import libcst as cst

from codetune_core.fixes.site import Site


@dataclass(frozen=True, slots=True)
class Moved:
    """A value that reaches its only use through a variable: the variable, and the name where it is used."""

    name: str
    use: cst.Name


class _Names(cst.CSTVisitor):
    def __init__(self) -> None:
        self.names: list[cst.Name] = []

    def visit_Name(self, node: cst.Name) -> None:  # noqa: N802 - libcst's name
        self.names.append(node)

    def visit_Attribute_attr(self, node: cst.Attribute) -> None:  # noqa: N802
        self.names = [name for name in self.names if name is not node.attr]


def moved_value(site: Site, value: cst.BaseExpression) -> Moved | None:
    """The use of a variable that this value is assigned to, if it is the only value and the only use in the function.

    None also where a name that the value is made of is set again in between, so that it would mean something else.
    """
    statement = site.parent(value)
    function = site.nearest(cst.FunctionDef, value)
    target = _target(statement)
    if function is None or target is None:
        return None
    names = names_in(site, function)
    places = [name for name in names if name.value == target.value]
    if len(places) != 2 or places[0] is not target or isinstance(site.parent(places[1]), cst.AssignTarget | cst.Del):  # noqa: PLR2004 - set once, used once
        return None
    inside = {name.value for name in names_in(site, value)}
    start, end = site.range(value).end, site.range(places[1]).start
    changed = any(
        name.value in inside and start <= site.range(name).start <= end and is_set(site, name) for name in names
    )
    return None if changed or _in_loop(site, value, places[1]) else Moved(target.value, places[1])


def _target(statement: cst.CSTNode | None) -> cst.Name | None:
    match statement:
        case cst.Assign(targets=[cst.AssignTarget(target=cst.Name() as name)]):
            return name
        case cst.AnnAssign(target=cst.Name() as name):
            return name
        case _:
            return None


def names_in(site: Site, node: cst.CSTNode) -> list[cst.Name]:
    """The variables that stand in a node, in the order of the text."""
    visitor = _Names()
    node.visit(visitor)
    return [name for name in visitor.names if not _is_label(site, name)]


def _is_label(site: Site, name: cst.Name) -> bool:
    """Whether a name is an attribute's or a keyword's, and no variable."""
    parent = site.parent(name)
    return (isinstance(parent, cst.Attribute) and parent.attr is name) or (
        isinstance(parent, cst.Arg) and parent.keyword is name
    )


def is_set(site: Site, name: cst.Name) -> bool:
    """Whether a variable, or something in it, gets a value where it stands."""
    inner: cst.CSTNode = name
    for outer in site.around(name):
        if isinstance(outer, cst.AssignTarget | cst.AugAssign | cst.AnnAssign | cst.For | cst.NamedExpr | cst.AsName):
            return getattr(outer, "target", None) is inner or isinstance(outer, cst.AssignTarget | cst.AsName)
        if isinstance(outer, cst.BaseStatement | cst.BaseSmallStatement):
            return False
        inner = outer
    return False


def _in_loop(site: Site, value: cst.CSTNode, use: cst.CSTNode) -> bool:
    """Whether the use stands in a loop or function that the value does not, so that it happens more than once."""
    around = set(site.around(value))
    inner = (outer for outer in site.around(use) if outer not in around)
    return any(isinstance(outer, cst.For | cst.While | cst.FunctionDef | cst.Lambda | cst.BaseComp) for outer in inner)
