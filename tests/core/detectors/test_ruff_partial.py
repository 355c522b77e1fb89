"""Findings of the ruff detector while the text does not parse."""

import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from codetune_core.detectors.last_findings import LastFindings
from codetune_core.detectors.protocol import Detection
from codetune_core.detectors.ruff import RuffDetector
from codetune_core.domain.document import Document
from codetune_core.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOP = '''\
import os
import subprocess


def listing(path):
    subprocess.run("ls " + path, shell=True)
    return path


class Cart:
    """What is bought."""

    def total(self, formula):
        if formula:
            os.system("calc " + formula)
        else:
            eval(formula)

    def run(self, code):
        return exec(code)


@app.route("/")
def search(term):
    return eval(term)


if __name__ == "__main__":
    os.system(command)
'''
EVERYTHING = ["S602", "S605", "S307", "S102", "S307", "S605"]

BREAKS = {
    "unclosed call above": ('    subprocess.run("', '    y = f(path\n    subprocess.run("'),
    "unclosed call spread over lines": ('    subprocess.run("', '    y = f(\n        path,\n    subprocess.run("'),
    "half-typed function": ("@app.route", "def half(\n\n\n@app.route"),
    "half-typed function with parameters": ("@app.route", "def half(self, other=1\n\n\n@app.route"),
    "function without body": ("@app.route", "def half():\n\n\n@app.route"),
    "half-typed method": ("    def run(", "    def half(self\n\n    def run("),
    "method without body": ("    def run(", "    def half(self):\n\n    def run("),
    "half-typed class": ("@app.route", "class Half(\n\n\n@app.route"),
    "line indented too little": ("            eval(formula)", "           eval(formula)\n          more"),
    "line indented too much": ("    return path", "    return path\n        more"),
    "line outside every level": ("    def run(", "   more\n\n    def run("),
    "unterminated string": ("    return path", '    return "path'),
    "unterminated f-string": ("    return path", "    return f'{path'"),
    "unclosed dictionary": ("class Cart:", "D = {'a': 1,\n\n\nclass Cart:"),
    "unclosed list over lines": ("class Cart:", "D = [\n    1,\n    2,\n\n\nclass Cart:"),
    "closed too often": ("    return path", "    return path)"),
    "condition without colon": ("        if formula:", "        if formula"),
    "function without colon": ("def total(self, formula):", "def total(self, formula)"),
    "function without parenthesis": ("def total(self, formula):", "def total(self, formula"),
    "class without colon": ("class Cart:", "class Cart"),
    "try without except": ("    return path", "    try:\n        return path"),
    "dot with nothing after it": ("    return eval(term)", "    term.\n    return eval(term)"),
    "operator with nothing after it": ("    return eval(term)", "    x = term +\n    return eval(term)"),
    "assignment with nothing after it": ("    return eval(term)", "    x =\n    return eval(term)"),
    "decorator half typed": ('@app.route("/")', '@app.route("/"'),
    "with without colon": ("    return eval(term)", "    with open(term) as\n    return eval(term)"),
    "lambda without body": ("    return eval(term)", "    f = lambda x:\n    return eval(term)"),
    "keyword typed alone": ("    return eval(term)", "    for\n    return eval(term)"),
    "call half typed at the end": ("    os.system(command)\n", "    os.system(command)\n    print("),
    "two breaks": ("    return path", "    return path)\n\n\ndef more(:\n    x = = 1\n"),
    "comment in the break": ("    return path", "    x = f(  # why (not\n    return path"),
    "print statement": ("    return path", "    print path"),
    "shell command of a notebook": ("import os\n", "!pip list\n%matplotlib inline\nimport os\n"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def detector() -> AsyncIterator[RuffDetector]:
    detector = RuffDetector(Settings())
    yield detector
    await detector.aclose()


class Editor:
    """Types into one document."""

    def __init__(self, detector: RuffDetector, uri: str = "file:///w/shop.py") -> None:
        self._detector = detector
        self._uri = uri
        self._version = 0

    async def shows(self, text: str) -> Detection:
        self._version += 1
        return await self._detector.detect(self.document(text))

    def document(self, text: str) -> Document:
        return Document(self._uri, text, "python", self._version)


def check(detection: Detection, text: str, *expected: str) -> None:
    """Each expectation is a rule and the line it stands on, with a ``*`` where the finding is stale."""
    lines = text.splitlines()
    found = sorted(detection.findings, key=lambda finding: finding.range)
    said = [f"{'*' * f.stale}{f.rule.id} {lines[f.range.start.line].strip()}" for f in found]
    assert said == list(expected)


@pytest.fixture
def editor(detector, request) -> Editor:
    return Editor(detector, f"file:///w/{abs(hash(request.node.name))}/shop.py")


@pytest.mark.parametrize("name", BREAKS)
async def test_the_rest_of_a_broken_text_is_reviewed_though_never_seen_whole(editor, name):
    text = SHOP.replace(*BREAKS[name], 1)
    assert text != SHOP
    detection = await editor.shows(text)
    assert sorted(finding.rule.id for finding in detection.findings) == sorted(EVERYTHING)
    assert not any(finding.stale for finding in detection.findings)
    assert detection.notices == ()


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", BREAKS)
async def test_positions_are_those_of_the_whole_text(editor, name, ends):
    document = editor.document(SHOP.replace(*BREAKS[name], 1).replace("\n", ends))
    for finding in (await editor.shows(document.text)).findings:
        code = document.slice(finding.range)
        assert code in ("subprocess.run", "os.system", "eval(formula)", "eval(term)", "exec")


UNTERMINATED = SHOP.replace("    return path", '    return """path', 1)


async def test_functions_in_the_unreadable_part_keep_their_findings_at_their_new_lines(editor):
    await editor.shows(SHOP)
    text = UNTERMINATED.replace("import os\n", "import os\n# one\n# more\n", 1)
    check(
        await editor.shows(text),
        text,
        '*S605 os.system("calc " + formula)',
        "*S307 eval(formula)",
        "*S102 return exec(code)",
        "S307 return eval(term)",
        "S605 os.system(command)",
    )


async def test_what_was_edited_in_the_unreadable_part_loses_its_findings(editor):
    await editor.shows(SHOP)
    text = UNTERMINATED.replace("if formula:", "if formula is not None:", 1)
    check(
        await editor.shows(text), text, "*S102 return exec(code)", "S307 return eval(term)", "S605 os.system(command)"
    )


@pytest.mark.parametrize(
    "edit",
    [
        ("        return exec(code)\n", "        return exec(code)\n        # more\n        more\n"),
        ("    def run(", "    @staticmethod\n    def run("),
        ("    def run(self, code)", "    def run(self, code, more)"),
    ],
)
async def test_a_function_with_a_line_added_at_either_end_was_edited(editor, edit):
    await editor.shows(SHOP)
    text = UNTERMINATED.replace(*edit, 1)
    stale = [finding.rule.id for finding in (await editor.shows(text)).findings if finding.stale]
    assert stale == ["S605", "S307"]


async def test_findings_stay_stale_over_further_typing_and_are_fresh_again_at_the_end(editor):
    await editor.shows(SHOP)
    for typed in ("p", "pa", "pat"):
        text = UNTERMINATED.replace('"""path', f'"""{typed}', 1)
        assert sum(finding.stale for finding in (await editor.shows(text)).findings) == 3
    detection = await editor.shows(SHOP)
    assert sorted(finding.rule.id for finding in detection.findings) == sorted(EVERYTHING)
    assert not any(finding.stale for finding in detection.findings)


@pytest.mark.parametrize(
    "broken", ["import subprocess,", "import subprocess as", "from subprocess import (run,", "import subprocess."]
)
async def test_a_half_typed_import_takes_no_finding_from_the_functions_that_need_it(editor, broken):
    await editor.shows(SHOP)
    text = SHOP.replace("import subprocess", broken, 1)
    found = (await editor.shows(text)).findings
    assert sorted(finding.rule.id for finding in found) == sorted(EVERYTHING)


async def test_two_documents_keep_their_findings_apart(detector):
    one, other = Editor(detector, "file:///w/1.py"), Editor(detector, "file:///w/2.py")
    await one.shows(SHOP)
    await other.shows("x = 1\n")
    assert not any(finding.stale for finding in (await other.shows(UNTERMINATED)).findings)
    assert any(finding.stale for finding in (await one.shows(UNTERMINATED)).findings)


async def test_the_trial_of_a_fix_does_not_replace_what_the_editor_showed(editor):
    await editor.shows(SHOP)
    await editor._detector.detect(editor.document("x = 1\n"))
    assert any(finding.stale for finding in (await editor.shows(UNTERMINATED)).findings)


async def test_only_so_many_documents_are_remembered():
    last = LastFindings()
    for number in range(1000):
        last.remember(Document(f"file:///w/{number}.py", SHOP, "python"), ())
    assert len(last._states) == 64


async def test_twins_of_a_function_are_told_apart_by_their_place(editor):
    twin = 'def f(x):\n    """Doc."""\n    return eval(x)\n'
    await editor.shows(f"{twin}\n\n{twin}")
    text = f'{twin}\n\nx = """\n{twin}'
    found = (await editor.shows(text)).findings
    assert [(finding.range.start.line, finding.stale) for finding in found] == [(2, False), (8, True)]


@pytest.mark.parametrize("text", ["((((\n", "'''\n", "def f(\n", "\x00\n", "if x:\n", ")\n", "x = (\n# comment\n"])
async def test_a_text_of_which_nothing_can_be_read_is_told_and_not_silently_empty(editor, text):
    detection = await editor.shows(text)
    assert detection.findings == ()
    (notice,) = detection.notices
    assert notice.text.startswith("shop.py does not parse at line ")
    assert notice.text.endswith("ruff's rules were not checked")


async def test_a_broken_file_of_the_disk_is_told_with_the_lines_that_were_not_looked_at(detector):
    text = "import os\nx = (\nos.system(y)\n"
    detection = await detector.detect(Document("file:///w/shop.py", text, "python"))
    check(detection, text, "S605 os.system(y)")
    (notice,) = detection.notices
    assert notice.text == "shop.py does not parse in line 2: ruff's rules were not checked there"


@pytest.mark.parametrize("count", [1, 5, 6, 40])
async def test_a_text_of_an_old_dialect_is_read_around_its_errors(editor, count):
    text = "import pickle\n" + "print 'x'\n" * count + "pickle.loads(x)\n"
    check(await editor.shows(text), text, "S301 pickle.loads(x)")


async def test_an_error_that_does_not_keep_ruff_from_its_rules_blanks_nothing(editor):
    text = "def f(a, a):\n    return eval(a)\n"
    check(await editor.shows(text), text, "S307 return eval(a)")


async def test_a_comment_that_silences_is_hidden_from_ruff_in_broken_text_too(editor):
    text = "x = (\neval(y)  # noqa\n"
    check(await editor.shows(text), text, "S307 eval(y)  # noqa")


COMPLETE = {
    "shell=True)\n    return path\n": "S602",
    'os.system("calc " + formula)\n        else:\n': "S605",
    "eval(formula)\n\n": "S307",
    "return exec(code)\n": "S102",
}


@pytest.mark.parametrize("cut", range(3, len(SHOP), 5))
async def test_what_is_complete_above_the_place_of_typing_is_reviewed(editor, cut):
    text = SHOP[:cut]
    detection = await editor.shows(text)
    rules = {finding.rule.id for finding in detection.findings}
    assert rules >= {rule for line, rule in COMPLETE.items() if line in text}
    assert detection.findings or not detection.notices or cut < SHOP.index("    return path")


async def test_above_a_part_in_which_nothing_fits_the_text_is_reviewed(editor):
    text = SHOP + "    a\n  b\n c\n   d\n  e\n f\n   g\n  h\n i\n"
    found = {finding.rule.id for finding in (await editor.shows(text)).findings}
    assert found >= {"S602", "S605", "S307", "S102"}


@pytest.mark.parametrize("seed", range(60))
async def test_random_damage_never_ends_in_silence_or_in_a_wrong_place(editor, seed):
    chance = random.Random(seed)
    at = chance.randrange(len(SHOP))
    typed = chance.choice(["(", ")", "'", '"""', "[", "{", ":", "\n", "  ", "def f(", "= =", "@", "\t", "\\"])
    document = editor.document(SHOP[:at] + typed + SHOP[at + chance.choice([0, 0, 1, 5, 40]) :])
    detection = await editor.shows(document.text)
    assert detection.findings or detection.notices
    for finding in detection.findings:
        assert document.slice(finding.range).strip() == document.slice(finding.range) != ""
        assert not finding.stale
