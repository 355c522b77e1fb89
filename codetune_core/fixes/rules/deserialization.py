"""Fixes for data formats that run code when they are read: YAML and pickle."""

from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site, argument, unpacks

_LOADERS = frozenset(
    f"yaml.{prefix}{kind}" for prefix in ("", "C") for kind in ("Loader", "FullLoader", "UnsafeLoader", "BaseLoader")
)
_FULL_POWER = ("!!python", "add_constructor", "add_multi_constructor", "YAMLObject", "add_implicit_resolver")
_SAFE_NOTE = "Tags such as `!!python/object` are refused; plain data loads as before."
_UNSAFE_NOTE = "This file uses tags or constructors of its own: `SafeLoader` knows only those registered with it."
_JSON = """\
`{name}` runs whatever code the data names: no check of the result comes in time.

* Data that crosses a trust boundary: write and read JSON.

  ```python
  json.dump(value, file)      # instead of {module}.dump
  value = json.load(file)     # instead of {module}.load
  ```

  Dates, sets and objects need a form of their own (`dataclasses.asdict`, ISO 8601 strings).
* Data that only this program writes: sign it (`hmac.digest` with a secret key, compared by `hmac.compare_digest`)
  and check the signature before reading it.
* Arrays and model weights: `numpy.load(allow_pickle=False)`, safetensors."""


@fixes("S506")
def yaml_load(site: Site) -> Iterator[Proposal]:
    """``yaml.load(text, Loader=...)`` -> ``yaml.safe_load(text)``."""
    call = site.call("yaml.load", "yaml.load_all")
    stream = argument(call, "stream", 0) if call else None
    if call is None or stream is None or unpacks(call) or not _is_known(site, call):
        return
    name = "safe_" + site.imports.qualified(call.func).rpartition(".")[2]
    reference = site.imports.reference("yaml", name)
    if reference is None:
        return
    title, own = f"read the YAML with `{name}`", any(word in site.document.text for word in _FULL_POWER)
    applicability = Applicability.UNSAFE if own else Applicability.SAFE
    new = call.with_changes(func=cst.parse_expression(reference.code), args=[_alone(call, stream)])
    edit = site.replace(call, new)
    yield Proposal(title, applicability, (edit,), (reference,), _UNSAFE_NOTE if own else _SAFE_NOTE)


@fixes("S301", "S302")
def json_instead(site: Site) -> Iterator[Proposal]:
    """Pickle, shelve, dill and marshal: no edit can tell what the data is, so say what to do."""
    call = site.call()
    name = site.imports.qualified(call.func) if call else ""
    module = name.partition(".")[0] or "pickle"
    note = _JSON.format(name=name or "Unpickling", module=module)
    yield Proposal("store the data as JSON, or sign it", Applicability.DISPLAY_ONLY, note=note)


def _is_known(site: Site, call: cst.Call) -> bool:
    """Whether the loader is none, or one of PyYAML's that does no more than read data and Python's own tags."""
    loader = argument(call, "Loader", 1)
    return loader is None or site.imports.qualified(loader.value) in _LOADERS


def _alone(call: cst.Call, stream: cst.Arg) -> cst.Arg:
    """The only argument, with the white space of the last one where each stands on a line of its own."""
    last = call.args[-1]
    if not isinstance(call.whitespace_before_args, cst.ParenthesizedWhitespace):
        return stream.with_changes(comma=cst.MaybeSentinel.DEFAULT)
    if isinstance(stream.comma, cst.Comma) and isinstance(last.comma, cst.Comma):
        first = getattr(stream.comma.whitespace_after, "first_line", None)
        end = last.comma.whitespace_after
        if first is not None and isinstance(end, cst.ParenthesizedWhitespace):
            end = end.with_changes(first_line=first)
        return stream.with_changes(comma=last.comma.with_changes(whitespace_after=end))
    return stream.with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg)
