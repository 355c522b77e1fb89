"""Findings of the ruff detector on text that parses."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from codetune_core.detectors.ruff import RuffDetector
from codetune_core.detectors.rule_pack import load_rules
from codetune_core.domain.check import Check
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Severity
from codetune_core.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def detector() -> AsyncIterator[RuffDetector]:
    detector = RuffDetector(Settings())
    yield detector
    await detector.aclose()


async def found(detector: RuffDetector, text: str, name: str = "shop.py") -> list[Finding]:
    detection = await detector.detect(Document(f"file:///w/{name}", text, "python"))
    assert detection.notices == ()
    return sorted(detection.findings, key=lambda finding: finding.range)


async def check(
    detector: RuffDetector, marked: str, *rules: str, name: str = "shop.py", beside: str = ""
) -> list[Finding]:
    """The rules are found, in the text's order, at what stands between « and », and no others but the one beside."""
    document = Document("file:///w/shop.py", marked.replace("«", "").replace("»", ""), "python")
    places = [piece.split("»")[0] for piece in marked.split("«")[1:]]
    findings = [finding for finding in await found(detector, document.text, name) if finding.rule.id != beside]
    assert [finding.rule.id for finding in findings] == list(rules)
    assert [document.slice(finding.range) for finding in findings] == places
    offsets = [marked[:at].replace("«", "").replace("»", "") for at, sign in enumerate(marked) if sign == "«"]
    assert [document.offset(finding.range.start) for finding in findings] == [len(before) for before in offsets]
    return findings


FLAGGED = {
    "S101": ["def f(user):\n    «assert» user.is_admin\n"],
    "S102": ["def f(code):\n    «exec»(code)\n"],
    "S103": ["import os\nos.chmod('/srv/key', «0o777»)\n", "from os import chmod as c\nc('/srv/key', «0o666»)\n"],
    "S104": ["HOST = «'0.0.0.0'»\n", "sock.bind((«'0.0.0.0'», 80))\n"],
    "S105": ["db_password = «'hunter2'»\n", "if password == «'letmein'»:\n    pass\n", "d['secret'] = «'s3cr3t'»\n"],
    "S106": ["connect(host, «password='hunter2'»)\n", "Client(«token='abcdef'»)\n"],
    "S107": ["def f(user, password=«'hunter2'»):\n    pass\n"],
    "S108": ["open(«'/tmp/report'», 'w')\n", "path = «'/var/tmp/x'»\n", "p = «'/dev/shm/a'»\n"],
    "S113": ["import requests\n«requests.get»(url)\n", "import requests as r\n«r.post»(url, data=x)\n"],
    "S201": ["from flask import Flask\napp = Flask(__name__)\napp.run(«debug=True»)\n"],
    "S202": ["import tarfile\n«tarfile.open(path).extractall»('out')\n"],
    "S301": [
        "import pickle\n«pickle.loads(data)»\n",
        "from pickle import load as read\n«read(file)»\n",
        "import dill\n«dill.loads(x)»\n",
    ],
    "S302": ["import marshal\n«marshal.loads(data)»\n"],
    "S303": [
        "from cryptography.hazmat.primitives import hashes\n«hashes.MD5()»\n",
        "from Crypto.Hash import MD5\n«MD5.new()»\n",
    ],
    "S304": ["from Crypto.Cipher import DES\n«DES.new(key)»\n"],
    "S305": ["from cryptography.hazmat.primitives.ciphers import modes\n«modes.ECB()»\n"],
    "S306": ["import tempfile\n«tempfile.mktemp()»\n", "from tempfile import mktemp\n«mktemp('x')»\n"],
    "S307": ["def f(x):\n    return «eval(x)»\n"],
    "S308": ["from django.utils.safestring import mark_safe\n«mark_safe(x)»\n"],
    "S310": ["from urllib.request import urlopen\n«urlopen(url)»\n"],
    "S311": ["import random\nx = «random.random()»\n", "from random import choice\n«choice(y)»\n"],
    "S312": ["from telnetlib import Telnet\n«Telnet(host)»\n"],
    "S313": ["from xml.etree.cElementTree import parse\n«parse(x)»\n"],
    "S314": ["import xml.etree.ElementTree as ET\n«ET.fromstring(x)»\n"],
    "S315": ["from xml.sax.expatreader import create_parser\n«create_parser()»\n"],
    "S316": ["from xml.dom.expatbuilder import parseString\n«parseString(x)»\n"],
    "S317": ["import xml.sax\n«xml.sax.parse(x, h)»\n"],
    "S318": ["from xml.dom import minidom\n«minidom.parseString(x)»\n"],
    "S319": ["from xml.dom import pulldom\n«pulldom.parse(x)»\n"],
    "S321": ["import ftplib\n«ftplib.FTP(host)»\n"],
    "S323": ["import ssl\n«ssl._create_unverified_context()»\n"],
    "S324": ["import hashlib\n«hashlib.md5»(x)\n", "import hashlib\nhashlib.new(«'sha1'», x)\n"],
    "S501": [
        "import requests\nrequests.get(url, timeout=3, «verify=False»)\n",
        "import httpx\nhttpx.get(url, «verify=False»)\n",
    ],
    "S502": ["import ssl\nssl.wrap_socket(«ssl_version=ssl.PROTOCOL_TLSv1»)\n"],
    "S503": ["import ssl\ndef f(version=«ssl.PROTOCOL_SSLv3»):\n    pass\n"],
    "S504": ["import ssl\n«ssl.wrap_socket()»\n"],
    "S505": ["from cryptography.hazmat.primitives.asymmetric import rsa\nrsa.generate_private_key(65537, «1024»)\n"],
    "S506": ["import yaml\nyaml.load(x, Loader=«yaml.Loader»)\n", "import yaml\n«yaml.load»(x)\n"],
    "S507": ["import paramiko\nc = paramiko.SSHClient()\nc.set_missing_host_key_policy(«paramiko.AutoAddPolicy»)\n"],
    "S508": ["from pysnmp.hlapi import CommunityData\nCommunityData('public', «mpModel=0»)\n"],
    "S509": ["from pysnmp.hlapi import UsmUserData\n«UsmUserData»('user')\n"],
    "S601": ["import paramiko\n«paramiko.exec_command»(x)\n"],
    "S602": [
        "import subprocess\n«subprocess.run»('ls ' + x, shell=True)\n",
        "from subprocess import Popen\n«Popen»(x, shell=True)\n",
    ],
    "S604": ["«run_it»(x, shell=True)\n"],
    "S605": ["import os\n«os.system»('ls ' + x)\n", "import os\n«os.popen»(f'ls {x}')\n"],
    "S608": [
        "cur.execute(«f'select * from t where a = {x}'»)\n",
        "q = «'delete from t where a = ' + x»\n",
        "q = «'update t set a = %s where 1' % x»\n",
        "q = «'insert into t values ({})'.format(x)»\n",
    ],
    "S609": ["import os\nos.system(«'chmod 600 *.py'»)\n"],
    "S610": ["from django.contrib.auth.models import User\nUser.objects.filter(a=1).extra«(where=[x])»\n"],
    "S611": ["from django.db.models.expressions import RawSQL\n«RawSQL»(x, [])\n"],
    "S612": ["import logging.config\n«logging.config.listen»(9999)\n"],
    "S701": [
        "import jinja2\n«jinja2.Environment»()\n",
        "from jinja2 import Environment\nEnvironment(«autoescape=False»)\n",
    ],
    "S702": ["from mako.template import Template\n«Template»('${x}')\n"],
    "S704": ["from markupsafe import Markup\n«Markup(f'<b>{x}</b>')»\n"],
}

SAFE = {
    "S101": ["def f(user):\n    if not user.is_admin:\n        raise PermissionError\n", "assertion = 1\n"],
    "S102": ["class C:\n    def exec(self): ...\nC().exec()\n"],
    "S103": ["import os\nos.chmod('/srv/key', 0o600)\n", "os.chmod('/srv/key', 0o777)\n"],
    "S104": ["HOST = '127.0.0.1'\n", "HOST = '10.0.0.0'\n"],
    "S105": [
        "password = os.environ['PASSWORD']\n",
        "password = ''\n",
        "password = '<password>'\n",
        "token = '${TOKEN}'\n",
        "secret = '{{ secret }}'\n",
        "password = '********'\n",
        "token_url = 'https://id.example.org/token'\n",
        "password = 'xxxx'\n",
        "compass = 'north'\n",
        "secret = '%(secret)s'\n",
    ],
    "S106": ["connect(host, password=secret)\n", "connect(password='')\n", "connect(password='<password>')\n"],
    "S107": ["def f(password=None): ...\n", "def f(password=''): ...\n", "def f(token='...'): ...\n"],
    "S108": ["import tempfile\nopen(tempfile.mkstemp()[1])\n", "path = '/home/tmp/x'\n"],
    "S113": ["import requests\nrequests.get(url, timeout=3)\n", "d.get(url)\n", "import httpx\nhttpx.get(url)\n"],
    "S201": ["from flask import Flask\napp = Flask(__name__)\napp.run(debug=False)\n", "runner.run(debug=True)\n"],
    "S202": ["import tarfile\ntarfile.open(path).extractall('out', filter='data')\n"],
    "S301": ["import json\njson.loads(data)\n", "import pickle\npickle.dumps(x)\n"],
    "S302": ["import marshal\nmarshal.dumps(x)\n"],
    "S303": ["from cryptography.hazmat.primitives import hashes\nhashes.SHA256()\n"],
    "S304": ["from Crypto.Cipher import AES\nAES.new(key)\n"],
    "S305": ["from cryptography.hazmat.primitives.ciphers import modes\nmodes.GCM(iv)\n"],
    "S306": ["import tempfile\ntempfile.mkstemp()\n", "mktemp()\n"],
    "S307": ["import ast\nast.literal_eval(x)\n", "model.eval()\n"],
    "S308": ["from django.utils.html import format_html\nformat_html('<b>{}</b>', x)\n"],
    "S310": [
        "from urllib.request import urlopen\nurlopen('https://example.org/x')\n",
        "from urllib.parse import urlparse\nurlparse(url)\n",
    ],
    "S311": [
        "import secrets\nsecrets.choice(y)\n",
        "import random\nrandom.SystemRandom().choice(y)\n",
        "import random\nrandom.shuffle(y)\n",
    ],
    "S312": ["import asyncssh\nasyncssh.connect(host)\n"],
    "S313": ["from defusedxml.cElementTree import parse\nparse(x)\n"],
    "S314": [
        "import defusedxml.ElementTree as ET\nET.fromstring(x)\n",
        "import xml.etree.ElementTree as ET\nET.Element('a')\n",
    ],
    "S315": ["from defusedxml.expatreader import create_parser\ncreate_parser()\n"],
    "S316": ["from defusedxml.expatbuilder import parseString\nparseString(x)\n"],
    "S317": ["import defusedxml.sax\ndefusedxml.sax.parse(x, h)\n", "from xml.sax.saxutils import escape\nescape(x)\n"],
    "S318": ["from defusedxml import minidom\nminidom.parseString(x)\n"],
    "S319": ["from defusedxml import pulldom\npulldom.parse(x)\n"],
    "S321": ["import ftplib\nftplib.FTP_TLS(host)\n"],
    "S323": ["import ssl\nssl.create_default_context()\n"],
    "S324": [
        "import hashlib\nhashlib.sha256(x)\n",
        "import hashlib\nhashlib.md5(x, usedforsecurity=False)\n",
        "import hashlib\nhashlib.new('sha512', x)\n",
    ],
    "S501": [
        "import requests\nrequests.get(url, timeout=3, verify='ca.pem')\n",
        "import requests\nrequests.get(url, timeout=3, verify=True)\n",
    ],
    "S502": ["import ssl\nssl.wrap_socket(ssl_version=ssl.PROTOCOL_TLS_CLIENT)\n"],
    "S503": ["import ssl\ndef f(version=ssl.PROTOCOL_TLS_CLIENT):\n    pass\n"],
    "S504": ["import ssl\nssl.create_default_context().wrap_socket(s)\n"],
    "S505": ["from cryptography.hazmat.primitives.asymmetric import rsa\nrsa.generate_private_key(65537, 3072)\n"],
    "S506": [
        "import yaml\nyaml.safe_load(x)\n",
        "import yaml\nyaml.load(x, Loader=yaml.SafeLoader)\n",
        "import json\njson.load(x)\n",
    ],
    "S507": ["import paramiko\nc = paramiko.SSHClient()\nc.set_missing_host_key_policy(paramiko.RejectPolicy)\n"],
    "S508": ["from pysnmp.hlapi import CommunityData\nCommunityData('public', mpModel=2)\n"],
    "S509": ["from pysnmp.hlapi import UsmUserData\nUsmUserData('user', auth, priv)\n"],
    "S601": ["import paramiko\nparamiko.connect('example.org')\n"],
    "S602": ["import subprocess\nsubprocess.run(['ls', x])\n", "import subprocess\nsubprocess.run(x, shell=False)\n"],
    "S604": ["run_it(x, shell=False)\n"],
    "S605": ["import os\nos.listdir(x)\n", "import subprocess\nsubprocess.run(['ls', '--', x])\n"],
    "S608": [
        "cur.execute('select * from t where a = ?', (x,))\n",
        "print(f'select one of {x}')\n",
        "q = 'select a from t ' 'where b = 1'\n",
    ],
    "S609": ["import subprocess\nsubprocess.Popen(['chmod', '600', '*.py'])\n"],
    "S610": ["from django.contrib.auth.models import User\nUser.objects.filter(a=1)\n"],
    "S611": ["from django.db.models.expressions import RawSQL\nRawSQL('select 1', [])\n"],
    "S612": ["import logging.config\nlogging.config.dictConfig(x)\n"],
    "S701": [
        "import jinja2\njinja2.Environment(autoescape=True)\n",
        "from jinja2 import Environment, select_autoescape\nEnvironment(autoescape=select_autoescape())\n",
    ],
    "S702": ["from jinja2 import Template\nTemplate('{{ x }}')\n"],
    "S704": ["from markupsafe import Markup\nMarkup('<b>{}</b>').format(x)\n"],
}


def each(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(rule, text) for rule, texts in table.items() for text in texts]


async def test_every_rule_of_the_pack_has_a_flaw_and_a_safe_look_alike_here():
    assert set(FLAGGED) == set(SAFE) == set(load_rules("ruff"))


@pytest.mark.parametrize(("rule", "marked"), each(FLAGGED))
async def test_a_flaw_is_found_at_its_exact_place(detector, rule, marked):
    await check(detector, marked, rule, beside={"S609": "S605"}.get(rule, ""))


@pytest.mark.parametrize(("rule", "text"), each(SAFE))
async def test_a_safe_look_alike_is_not_flagged(detector, rule, text):
    assert rule not in {finding.rule.id for finding in await found(detector, text)}


@pytest.mark.parametrize("rule", load_rules("ruff").values(), ids=lambda rule: rule.id)
async def test_every_rule_says_what_why_and_where_to_read_on(rule):
    assert rule.title
    assert "{where}" in rule.message
    assert rule.message.count(".") >= 1
    assert "Harmless where" in rule.explanation
    assert "**Fix:**" in rule.explanation
    assert rule.cwe
    assert f"https://cwe.mitre.org/data/definitions/{rule.cwe[0]}.html" in rule.references
    assert rule.aliases[0] == "B" + rule.id[1:]


async def test_a_message_says_where_and_names_the_code(detector):
    text = "import hashlib\nclass C:\n    def m(self, x):\n        return hashlib.md5(x)\n"
    (finding,) = await found(detector, text)
    assert "`hashlib.md5` in `C.m`" in finding.message
    assert finding.detectors == ("ruff",)
    (finding,) = await found(detector, "import os\nos.system(x)\n")
    assert "at module level" in finding.message


@pytest.mark.parametrize(
    "marked",
    [
        "s = '😀😀'; «assert» s\n",
        "s = 'é\u0301'; «assert» s\n",
        "if 1:\n\t«assert» x\n",
        "if 1:\r\n    «assert» x\r\n",
        "x = 1\r«assert» x\ry = 2\r",
        "x = 1\n\x0c«assert» x\n",
        "\x0c\n\x0c\n«assert» x\n",
        "\ufeff«assert» x\n",
        "\ufeffs = '😀'; «assert» s",
        "«assert» x",
        "s = '''a\u2028b\x0bc\n'''; «assert» s\n",
        "x = [\n    '\U0001d4b3', (lambda: 0),\n]; «assert» x\n",
        "# 😀 noqa 😀\ns = '😀'; «assert» s  # 😀 noqa\n",
        "«assert» '😀', '\\\n'; «assert» x\n",
    ],
)
async def test_columns_count_code_points_whatever_the_text_is_made_of(detector, marked):
    await check(detector, marked, *["S101"] * marked.count("«"))


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "#noqa",
        "# NoQA: S101",
        "# noqa:S101,E501",
        "# noqa : S101",
        "# reason  # noqa",
        "# ruff: noqa",
        "# ruff: noqa: S101",
        "# flake8: noqa",
        "# RUFF: NOQA",
        "# ruff: ignore[S101]",
        "# ruff: disable[S101]",
        "# ruff:disable[S101]",
        "# é noqa",
        "# nosec",
    ],
)
async def test_a_comment_does_not_silence_ruff_because_our_own_suppression_counts_it(detector, comment):
    await check(detector, f"«assert» x  {comment}\n", "S101")
    await check(detector, f"{comment}\n«assert» x\n# ruff: enable[S101]\n", "S101")


@pytest.mark.parametrize("string", ["'# noqa'", "'''\n# ruff: noqa\n'''", "f'{x} # noqa: S101'"])
async def test_a_string_that_looks_like_such_a_comment_stays_what_it_is(detector, string):
    await check(detector, f"db_password = «'noqa'»\nx = {string}\n«assert» x\n", "S105", "S101")


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("import subprocess\nsubprocess.run('ls -l', shell=True)\n", Severity.LOW),
        ("import subprocess\nsubprocess.run(f'ls {x}', shell=True)\n", Severity.HIGH),
        ("import os\nos.system('clear')\n", Severity.LOW),
        ("import os\nos.system(x)\n", Severity.HIGH),
        ("eval('1 + 1')\n", Severity.LOW),
        ('eval("a", {})\n', Severity.LOW),
        ("eval(f'{x}')\n", Severity.HIGH),
        ("eval('a' + x)\n", Severity.HIGH),
        ("exec('x = 1')\n", Severity.LOW),
        ("exec('x' % y)\n", Severity.HIGH),
        ("exec(code)\n", Severity.HIGH),
        ("import random\nroll = random.randint(1, 6)\n", Severity.INFO),
        ("import random\nmonkey = random.choice(keys)\n", Severity.INFO),
        ("import random\nreset_token = random.randint(1, 6)\n", Severity.MEDIUM),
        ("import random\nsession.otp = ''.join(\n    random.choice('0123') for _ in range(6)\n)\n", Severity.MEDIUM),
        ("import random\ndef make_password():\n    n = 8\n    return random.choices(letters, k=n)\n", Severity.MEDIUM),
        ("import random\nclass C:\n    def newApiKey(self):\n        return random.randbytes(16)\n", Severity.MEDIUM),
    ],
)
async def test_severity_follows_what_the_code_around_says(detector, text, severity):
    (finding,) = await found(detector, text)
    assert finding.severity is severity


async def test_random_for_a_secret_is_surer_than_random_for_anything(detector):
    (dice,) = await found(detector, "import random\nroll = random.randint(1, 6)\n")
    (token,) = await found(detector, "import random\ntoken = random.randint(1, 6)\n")
    assert (dice.confidence, token.confidence) == (Confidence.LOW, Confidence.MEDIUM)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "# nothing\n",
        "x = 1",
        "undefined_name\n",
        "import os\n",
        "try:\n    f()\nexcept Exception:\n    pass\n",
    ],
)
async def test_no_flaw_no_finding(detector, text):
    assert await found(detector, text) == []


async def test_stubs_are_read_as_stubs(detector):
    await check(detector, "def f(x: Later, password=«'hunter2'»): ...\nclass Later: ...\n", "S107", name="shop.pyi")


@pytest.mark.parametrize(
    "text",
    [
        "type X = int\n",
        "match x:\n    case 1: pass\n",
        "t = t'{x}'\n",
        "try:\n    pass\nexcept A, B:\n    pass\n",
        "def f[T](x: T) -> T: ...\n",
        "try:\n    pass\nexcept* E:\n    pass\n",
        "with (a as b, c as d): pass\n",
        "f'{f'{x}'}'\n",
        "print(*a, (b := 1), sep='')\n",
        "await f()\n",
    ],
)
async def test_the_newest_grammar_is_no_error(detector, text):
    assert (await detector.check(Document("file:///w/x.py", text, "python"))).parses
    await check(detector, text + "«assert» x\n", "S101")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Check(parses=True)),
        ("x = 1\nprint(x)\n", Check(parses=True)),
        ("print(b, a, b)\n", Check(parses=True, undefined_names=("a", "b", "b"))),
        ("def f():\n    return secrets.token_hex()\n", Check(parses=True, undefined_names=("secrets",))),
        ("name  # noqa: F821\n", Check(parses=True, undefined_names=("name",))),
        ("# ruff: noqa\nname\n", Check(parses=True, undefined_names=("name",))),
        ("def f(x: 'Later'): ...\n", Check(parses=True, undefined_names=("Later",))),
        ("x = (\n", Check(parses=False)),
        ("name\nx = (\n", Check(parses=False)),
        ("def f(a, a): ...\n", Check(parses=False)),
        ("  x = 1\n", Check(parses=False)),
    ],
)
async def test_a_check_says_whether_the_text_as_it_stands_is_sound(detector, text, expected):
    assert await detector.check(Document("file:///w/x.py", text, "python")) == expected


async def test_it_handles_python_only(detector):
    assert detector.handles(Document("file:///w/x.pyi", "", "python"))
    assert not detector.handles(Document("file:///w/x.go", "", "go"))


async def test_it_describes_the_ruff_that_runs(detector):
    assert detector.describe().startswith("ruff ")
    assert detector.describe().endswith(" rules")
