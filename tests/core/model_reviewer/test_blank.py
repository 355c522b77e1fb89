"""What only people read is blanked in every language, what the machine runs stays, and so do all positions."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.domain.document import Document
from codetune_core.findings.comments import MARKS
from codetune_core.model_reviewer.blank import blank


def check(text, language="python"):
    """Blank a text, and return what is left without blanks at line ends."""
    left = blank(Document("file:///a", text, language)).text
    assert len(left) == len(text)
    assert [at for at, each in enumerate(left) if each in "\r\n"] == [
        at for at, each in enumerate(text) if each in "\r\n"
    ]
    return "\n".join(line.rstrip() for line in left.split("\n"))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("x = 1  # GONE", "x = 1"),
        ("#!GONE\nx = '# kept'", "\nx = '# kept'"),
        ('def f():\n    """GONE\n    GONE"""\n    return 1', 'def f():\n    """\n        """\n    return 1'),
        ('x = 1\n"""GONE"""', 'x = 1\n"""    """'),
        ('x = 1; "GONE"', 'x = 1; "    "'),
        ('f"GONE{x}GONE"', 'f"    {x}    "'),
        ("('GONE' 'GONE',)", "('    ' '    ',)"),
        ("f('kept')\nx = 'kept'", "f('kept')\nx = 'kept'"),
        ("log('kept'  # GONE\n)", "log('kept'\n)"),
        ("x = 'a\u200bb\U000e0041c\u202e'", "x = 'a b c '"),
        ("def f(:\n    # GONE\n    x = (", "def f(:\n\n    x = ("),
    ],
)
def test_python_loses_comments_docstrings_and_hidden_characters(text, left):
    assert check(text) == left


@pytest.mark.parametrize(
    ("language", "text", "left"),
    [
        ("javascript", "a('//kept', \"/*kept*/\") // GONE", "a('//kept', \"/*kept*/\")"),
        ("javascript", "`//kept\n//kept` /* GONE\nGONE */ + 1", "`//kept\n//kept`\n        + 1"),
        ("javascript", 'x = /"[/]/; // GONE "', 'x = /"[/]/;'),
        ("javascript", "/* GONE", ""),
        ("typescriptreact", "a /* GONE */ b", "a            b"),
        ("go", "x := `\\` // GONE", "x := `\\`"),
        ("rust", "fn f<'a>(x: &'a str) {} // GONE 'x'", "fn f<'a>(x: &'a str) {}"),
        ("rust", 'r#"//kept"# // GONE', 'r#"//kept"#'),
        ("c", "char q = '\"'; // GONE \"", "char q = '\"';"),
        ("java", '"""\n//kept\n""" // GONE', '"""\n//kept\n"""'),
        ("csharp", '@"C:\\" + 1 // GONE "', '@"C:\\" + 1'),
        ("php", "#[kept]\n# GONE\nx // GONE", "#[kept]\n\nx"),
        ("shellscript", "echo ${x#kept} $# 'a # kept' # GONE", "echo ${x#kept} $# 'a # kept'"),
        ("shellscript", "it\\'s # GONE '", "it\\'s"),
        ("yaml", "a: b#kept # GONE", "a: b#kept"),
        ("toml", "a = '''\n# kept''' # GONE", "a = '''\n# kept'''"),
        ("ruby", 'x = "#{kept}" # GONE\n=begin\nGONE\n=end\ny', 'x = "#{kept}"\n\n\n\ny'),
        ("terraform", 'a = "#kept" /* GONE */ # GONE', 'a = "#kept"'),
        ("sql", "select '--kept''' -- GONE", "select '--kept'''"),
        ("ini", "; GONE\na = #kept ; GONE", "\na = #kept"),
        ("css", "a { b: 'c' } /* GONE */", "a { b: 'c' }"),
        ("html", "<p>kept</p><!-- GONE -->", "<p>kept</p>"),
        ("plaintext", "# kept \u200b", "# kept"),
    ],
)
def test_other_languages_lose_comments_and_keep_strings(language, text, left):
    assert check(text, language) == left


@pytest.mark.parametrize("language", sorted(MARKS))
def test_every_language_that_has_comments_loses_them(language):
    before, after = MARKS[language]
    assert "GONE" not in check(f"{before}GONE{after}\nx", language)


@given(st.text(alphabet="\"'#/*`\\=\n\r abf(){}\u200b;-<!>", max_size=40), st.sampled_from(sorted(MARKS)))
def test_no_text_loses_its_positions(text, language):
    check(text, language)


@pytest.mark.parametrize("name", ["recipe", "units", "verdicts", "blank"])
def test_python_without_its_comments_is_the_same_program(name):
    from importlib.resources import files  # noqa: PLC0415 - beside its use

    source = (files("codetune_core.model_reviewer") / f"{name}.py").read_text()
    assert program(check(source)) == program(source)


def program(source):
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(0)
    return ast.dump(tree)
