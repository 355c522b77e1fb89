"""What a name means where a finding stands, and how a name that is not imported is reached."""

import libcst as cst
import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position
from codetune_core.fixes.imports import Imports, module_of


def imports_at(text):
    """The imports as seen at the mark ``|``, which is taken out of the text."""
    before, _, after = text.partition("|")
    line = before.count("\n")
    document = Document("untitled:x", before + after, "python")
    return Imports(module_of(document), Position(line, len(before.rpartition("\n")[2])))


QUALIFIED = [
    ("import os\n|", "os.path.join", "os.path.join"),
    ("import os as o\n|", "o.system", "os.system"),
    ("import os.path\n|", "os.path.join", "os.path.join"),
    ("import os.path as p\n|", "p.join", "os.path.join"),
    ("from os import path\n|", "path.join", "os.path.join"),
    ("from os import path as p\n|", "p.join", "os.path.join"),
    ("from os.path import join as j\n|", "j", "os.path.join"),
    ("from . import yaml\n|", "yaml.load", ".yaml.load"),
    ("from .yaml import load\n|", "load", ".yaml.load"),
    ("from .. import yaml\n|", "yaml", "..yaml"),
    ("from os import *\n|", "system", "system"),
    ("|", "eval", "eval"),
    ("|", "app.run", "app.run"),
    ("|", "f().x", ""),
    ("|", "x[0]", ""),
    ("|", "5", ""),
    ("app = 5\n|", "app.run", "app.run"),
    ("def f():\n    import os as o\n    |pass", "o.x", "os.x"),
    ("def f():\n    import os as o\n\n|", "o.x", "o.x"),
    ("def f():\n    import os as o\n    def g():\n        |pass", "o.x", "os.x"),
    ("import os as o\ndef f(o):\n    |pass", "o.x", "o.x"),
    ("def f(random):\n    |pass", "random.choice", ""),
    ("def f():\n    random = 5\n    |pass", "random.choice", ""),
    ("import yaml\nyaml = 5\n|", "yaml.load", ""),
    ("try:\n    import yaml\nexcept ImportError:\n    yaml = None\n|", "yaml.load", "yaml.load"),
    ("try:\n    import cjson as json\nexcept ImportError:\n    import json\n|", "json.loads", "cjson.loads"),
    ("import os as o\nclass A:\n    o = 5\n    def f(self):\n        |pass", "o.x", "os.x"),
    ("import os as o\nclass A:\n    o = 5\n    |pass", "o.x", "o.x"),
    ("class A:\n    import os as o\n    def f(self):\n        |pass", "o.x", "o.x"),
    ("import os as o\nx = [|1 for o in y]", "o.x", "o.x"),
    ("import os as o\nx = [o for o in y]\n|", "o.x", "os.x"),
    ("import os as o\nx = [(o := z) for z in y]\n|", "o.x", ""),
    ("import os as o\nf = lambda o: |1", "o.x", "o.x"),
    ("import os as o\ntry:\n    pass\nexcept E as o:\n    |pass", "o.x", ""),
    ("import os as o\nmatch x:\n    case {'a': o, **rest}:\n        |pass", "o.x", ""),
    ("import os as o\ndef f():\n    global o\n    o = 5\n|", "o.x", ""),
    ("import os as o\ndef o(): pass\n|", "o.x", ""),
    ("s = 'é🎉'; import os as o; f = lambda o: |1", "o.x", "o.x"),
    ("if TYPE_CHECKING:\n    import os as o\n|", "o.x", "os.x"),
]


@pytest.mark.parametrize(("text", "code", "meaning"), QUALIFIED)
def test_a_name_means_what_its_scope_imports(text, code, meaning):
    assert imports_at(text).qualified(cst.parse_expression(code)) == meaning


REFERENCES = [
    ("|", "secrets", "", "secrets", "import secrets"),
    ("|", "secrets", "choice", "secrets.choice", "import secrets"),
    ("|", "defusedxml.ElementTree", "", "defusedxml.ElementTree", "import defusedxml.ElementTree"),
    ("|", "defusedxml.ElementTree", "parse", "defusedxml.ElementTree.parse", "import defusedxml.ElementTree"),
    ("import secrets\n|", "secrets", "choice", "secrets.choice", ""),
    ("import secrets as s\n|", "secrets", "choice", "s.choice", ""),
    ("import secrets as s\n|", "secrets", "", "s", ""),
    ("from secrets import choice as c\n|", "secrets", "choice", "c", ""),
    ("from secrets import choice\nimport secrets\n|", "secrets", "choice", "choice", ""),
    ("from secrets import choice\n|", "secrets", "token_hex", "token_hex", "from secrets import token_hex"),
    ("from secrets import choice\ntoken_hex = 5\n|", "secrets", "token_hex", "secrets.token_hex", "import secrets"),
    ("from xml import etree\n|", "xml.etree", "", "etree", ""),
    ("from xml import etree\n|", "xml.etree", "x", "etree.x", ""),
    ("import xml.etree\n|", "xml.etree", "x", "xml.etree.x", ""),
    ("import xml.dom\n|", "xml.etree", "x", "xml.etree.x", "import xml.etree"),
    ("import xml.dom\n|", "xml", "x", "xml.x", ""),
    ("secrets = 5\n|", "secrets", "choice", "choice", "from secrets import choice"),
    ("def f(secrets):\n    |pass", "secrets", "choice", "choice", "from secrets import choice"),
    ("def f(secrets):\n    pass\n|", "secrets", "choice", "secrets.choice", "import secrets"),
    ("from . import secrets\n|", "secrets", "choice", "choice", "from secrets import choice"),
    ("import hashlib as secrets\n|", "secrets", "choice", "choice", "from secrets import choice"),
    ("def f():\n    import secrets\n    |pass", "secrets", "choice", "secrets.choice", ""),
    ("def f():\n    |pass\n    import secrets", "secrets", "choice", "choice", "from secrets import choice"),
    ("def f():\n    |pass\nimport secrets", "secrets", "choice", "secrets.choice", ""),
    ("|pass\nimport secrets", "secrets", "", "secrets", "import secrets"),
    ("def g():\n    import secrets\ndef f():\n    |pass", "secrets", "", "secrets", "import secrets"),
    ("if TYPE_CHECKING:\n    import secrets\n|", "secrets", "choice", "secrets.choice", "import secrets"),
    ("if typing.TYPE_CHECKING:\n    pass\nelse:\n    import secrets\n|", "secrets", "choice", "secrets.choice", ""),
    ("secrets = choice = 5\n|", "secrets", "choice", None, None),
    ("secrets = 5\n|", "secrets", "", None, None),
    ("codecs = 5\n|", "codecs", "open", None, None),
    ("import secrets\ndef f(secrets):\n    |pass", "secrets", "choice", "choice", "from secrets import choice"),
]


@pytest.mark.parametrize(("text", "module", "name", "code", "statement"), REFERENCES)
def test_a_name_is_reached_without_inventing_or_hiding_another(text, module, name, code, statement):
    reference = imports_at(text).reference(module, name)
    assert (reference and (reference.code, reference.statement)) == (None if code is None else (code, statement))


@pytest.mark.parametrize(("name", "bound"), [("x", True), ("print", True), ("y", False), ("os", True)])
def test_bound_names_are_variables_imports_and_builtins(name, bound):
    assert imports_at("import os\nx = 5\n|").bound(name) is bound


def test_a_text_that_does_not_parse_is_refused():
    with pytest.raises(SyntaxError):
        imports_at("def |")
