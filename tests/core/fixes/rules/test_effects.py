# ruff: noqa: E501 - a case stands on one line
"""The fixed programs are run: they do what they did, and no longer what an attacker wants."""

import io
import ssl
import stat
import sys
import tarfile

import pytest

from codetune_core.domain.document import Document


@pytest.fixture
def run_fixed(bench):
    """Run a program as its first fix leaves it, with variables of the caller's; returns its variables."""

    def run(program, rule, **variables):
        fix = next(fix for finding in bench.findings(program, rule) for fix in finding.fixes if fix.edits)
        fixed = Document("untitled:case.py", program, "python").edited(fix.edits).text
        exec(compile(fixed, "case.py", "exec"), variables)
        return variables

    return run


CONDITIONS = [
    "a == b", "a != b", "a is b", "a is not b", "a in (b,)", "a not in (b,)", "a < b", "a <= b", "a and b", "a or b", "not a",
    "not (a and b)", "a", "a == b == 1", "a if b else not a", "(c := a)", "not a == b", "a == b or a is b", "bool(a) is True",
]  # fmt: skip


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_check_raises_where_the_assertion_did(run_fixed, condition):
    nan = float("nan")
    text = f"def f(a, b):\n    assert {condition}, 'text'\n    return True\n"
    asserted = {}
    exec(text, asserted)
    checked = run_fixed(text, "S101")
    for a, b in [(0, 0), (0, 1), (1, 0), (1, 1), (nan, nan), (nan, 1), ({1}, {2}), ({1}, {1, 2}), (None, 0), ("", 0)]:
        assert _outcome(checked["f"], a, b) == _outcome(asserted["f"], a, b)


def _outcome(function, *arguments):
    try:
        return function(*arguments)
    except (AssertionError, TypeError) as error:
        return repr(error)


@pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="this Python has no extraction filter")
def test_a_member_outside_the_folder_is_refused(run_fixed, tmp_path):
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as tar:
        tar.addfile(tarfile.TarInfo("../evil"), io.BytesIO())
    text = "import tarfile\nwith tarfile.open(archive) as tar:\n    tar.extractall(folder)\n"
    with pytest.raises(tarfile.OutsideDestinationError):
        run_fixed(text, "S202", archive=archive, folder=tmp_path / "in")
    assert not (tmp_path / "evil").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
@pytest.mark.parametrize(("mode", "left"), [("0o777", 0o700), ("0o666", 0o664), ("stat.S_IRWXU | stat.S_IRWXO", 0o700)])
def test_a_narrow_mode_is_set(run_fixed, tmp_path, mode, left):
    path = tmp_path / "file"
    path.touch()
    run_fixed(f"import os, stat\nos.chmod(path, {mode})\n", "S103", path=path)
    assert stat.S_IMODE(path.stat().st_mode) == left


@pytest.mark.parametrize(
    "text",
    [
        "import ssl\nc = ssl.create_default_context()\nc.check_hostname = False\nc.verify_mode = ssl.CERT_NONE\n",
        "import ssl\nc = ssl._create_unverified_context()\nc.check_hostname = False\nc.verify_mode = ssl.CERT_NONE\n",
        "import ssl\nc = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\nc.check_hostname = False\nc.verify_mode = ssl.CERT_NONE\n",
    ],
)
def test_a_context_whose_checks_were_off_checks_both(run_fixed, text):
    context = run_fixed(text, "CT104")["c"]
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_an_unverified_context_becomes_a_verified_one(run_fixed):
    context = run_fixed("import ssl\nc = ssl._create_unverified_context(cert_reqs=ssl.CERT_NONE)\n", "S323")["c"]
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_an_old_protocol_is_no_longer_spoken(run_fixed):
    context = run_fixed("import ssl\nc = ssl.SSLContext(protocol=ssl.PROTOCOL_TLSv1)\n", "CT104")["c"]
    assert context.minimum_version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MINIMUM_SUPPORTED)
    assert context.protocol is ssl.PROTOCOL_TLS_CLIENT


@pytest.mark.parametrize(("operator", "same"), [("==", True), ("!=", False)])
def test_digests_compare_as_before(run_fixed, operator, same):
    text = (
        f"import hmac\ndef f(a, b): return hmac.digest(b'k', a, 'sha256') {operator} hmac.digest(b'k', b, 'sha256')\n"
    )
    function = run_fixed(text, "CT103")["f"]
    assert function(b"a", b"a") is same
    assert function(b"a", b"b") is not same


def test_a_request_without_the_header_is_refused_and_does_not_fail(run_fixed):
    text = "import hmac\ndef f(request): return hmac.new(b'k', b'', 'md5').hexdigest() == request.headers.get('X-Signature')\n"
    request = type("Request", (), {"headers": {}})
    assert run_fixed(text, "CT103")["f"](request) is False


@pytest.mark.parametrize(("given", "value"), [("'[1, (2,)]'", [1, (2,)]), ("'{1: -2.5}'", {1: -2.5})])
def test_a_literal_keeps_its_value(run_fixed, given, value):
    assert run_fixed(f"x = eval({given})\n", "S307")["x"] == value


def test_code_in_the_place_of_a_literal_is_refused(run_fixed):
    with pytest.raises(ValueError, match="malformed"):
        run_fixed("x = eval(text)\n", "S307", text="__import__('os').getcwd()")


@pytest.mark.parametrize(
    "call",
    [
        'Markup(f"<b>{value}</b>")',
        'Markup("<b>%s</b>" % value)',
        'Markup("<b>%(v)s</b>" % {"v": value})',
        'Markup("<b>{}</b>".format(value))',
        'Markup("<b>" + value + "</b>")',
        'Markup(f"<b>{value!s:s}</b>")',
    ],
)
def test_the_markup_stays_and_the_value_is_escaped(run_fixed, call):
    pytest.importorskip("markupsafe")
    made = run_fixed(f"from markupsafe import Markup\nx = {call}\n", "S704", value="<script>")["x"]
    assert made == "<b>&lt;script&gt;</b>"


def test_the_environment_is_read(run_fixed, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "from outside")
    assert run_fixed('db_password = "s3cr3t-Pa55"\n', "S105")["db_password"] == "from outside"


def test_the_temporary_folder_is_asked_for(run_fixed, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run_fixed('path = "/tmp/a/b"\n', "S108")["path"] == str(tmp_path / "a" / "b")


@pytest.mark.parametrize("call", ["m.parse(file)", "m.parseString(text)"])
def test_a_document_with_entities_is_refused(run_fixed, tmp_path, call):
    defusedxml = pytest.importorskip("defusedxml")
    text = '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    file = tmp_path / "a.xml"
    file.write_text(text, "utf-8")
    with pytest.raises(defusedxml.EntitiesForbidden):
        run_fixed(f"import xml.dom.minidom as m\nx = {call}\n", "S318", file=str(file), text=text)
