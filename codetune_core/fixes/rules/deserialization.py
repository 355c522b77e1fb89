"""Fixes for data formats that run code when they are read: YAML and pickle."""

from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, argument


@fixes("S506")
def yaml_load(site: Site) -> Iterator[Proposal]:
    """``yaml.load(text, Loader=...)`` -> ``yaml.safe_load(text)``."""
    call = site.call("yaml.load", "yaml.load_all")
    stream = argument(call, "stream", 0) if call else None
    if call is None or stream is None:
        return
    name = "safe_" + site.imports.qualified(call.func).rpartition(".")[2]
    reference = site.imports.reference("yaml", name)
    if reference is None:
        return
    kept = stream.with_changes(comma=cst.MaybeSentinel.DEFAULT)
    new = call.with_changes(func=cst.parse_expression(reference.code), args=[kept])
    note = "Tags such as `!!python/object` are refused; plain data loads as before."
    yield Proposal(f"read the YAML with `{name}`", Applicability.SAFE, (site.replace(call, new),), (reference,), note)
