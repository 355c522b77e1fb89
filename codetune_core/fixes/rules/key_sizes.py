"""Fixes for keys that are too short."""

from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site
from codetune_core.fixes.surroundings import neighbour

_BITS, _CURVE = "3072", "SECP256R1"
_NOTE = (
    "128 bits of security, as NIST SP 800-57 asks for beyond 2030. Keys made before stay as they are: make them anew. "
    "A partner that knows only the shorter keys must be changed too."
)


@fixes("S505")
def short_key(site: Site) -> Iterator[Proposal]:
    """``key_size=1024`` -> ``3072``, ``ec.SECT163K1`` -> ``ec.SECP256R1``."""
    if isinstance(site.node, cst.Integer):
        edits = (site.replace(site.node, _BITS),)
        yield Proposal(f"make the key {_BITS} bits long", Applicability.UNSAFE, edits, note=_NOTE)
        return
    curve = site.nearest(cst.Attribute) or site.nearest(cst.Name)
    reference = neighbour(site, curve, _CURVE) if curve else None
    if curve and reference:
        edits = (site.replace(curve, reference.code),)
        yield Proposal(f"use the curve {_CURVE}", Applicability.UNSAFE, edits, (reference,), _NOTE)
