"""Experiments: a label's traffic split between versions, compared so that looking often does not lie."""
