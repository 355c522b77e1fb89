# ruff: noqa: E501 - a case stands on one line
import pytest

from codetune_core.domain.fix import Applicability


@pytest.mark.parametrize(
    ("arguments", "fixed"),
    [
        ("", ""),
        ("cafile='x'", "cafile='x'"),
        ("cert_reqs=ssl.CERT_NONE", ""),
        ("check_hostname=False, cafile='x'", "cafile='x'"),
        ("cafile='x', check_hostname=False", "cafile='x'"),
        ("ssl.PROTOCOL_TLS, cafile='x'", "cafile='x'"),
        ("protocol=ssl.PROTOCOL_TLS, cert_reqs=ssl.CERT_NONE, check_hostname=False", ""),
        ("purpose=ssl.Purpose.SERVER_AUTH,", "purpose=ssl.Purpose.SERVER_AUTH,"),
        ("\n    cafile='x',  # ours\n    check_hostname=False,\n", "\n    cafile='x',  # ours\n"),
    ],
)
def test_the_default_context_checks_certificates(check_fix, arguments, fixed):
    before = f"import ssl\nc = ssl._create_unverified_context({arguments})  # tls\n"
    after = f"import ssl\nc = ssl.create_default_context({fixed})  # tls\n"
    check_fix(before, after, "S323", applicability=Applicability.UNSAFE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import ssl as t\nc = t._create_unverified_context()\n", "import ssl as t\nc = t.create_default_context()\n"),
        (
            "import ssl\nfrom urllib.request import urlopen\nurlopen('https://x', context=ssl._create_unverified_context())\n",
            "import ssl\nfrom urllib.request import urlopen\nurlopen('https://x', context=ssl.create_default_context())\n",
        ),
        (
            "from ssl import _create_unverified_context as c\r\nx = c()\r\n",
            "from ssl import _create_unverified_context as c, create_default_context\r\nx = create_default_context()\r\n",
        ),
    ],
)
def test_the_context_is_reached_by_the_imports_that_are_there(check_fix, before, after):
    check_fix(before, after, "S323")


@pytest.mark.parametrize("arguments", ["certfile='x'", "**x", "*x", "keyfile='x', certfile='x'"])
def test_arguments_that_the_default_context_does_not_take(check_declined, arguments):
    assert check_declined(f"import ssl\nx = []\nc = ssl._create_unverified_context({arguments})\n", "S323") == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("c.check_hostname = False", "c.check_hostname = True"),
        ("c.check_hostname = False  # test", "c.check_hostname = True  # test"),
        ("c.verify_mode = ssl.CERT_NONE", "c.verify_mode = ssl.CERT_REQUIRED"),
        ("c.verify_mode = ssl.VerifyMode.CERT_NONE", "c.verify_mode = ssl.VerifyMode.CERT_REQUIRED"),
        ("self.c.check_hostname = False", "self.c.check_hostname = True"),
        (
            "c.check_hostname = False\n    c.verify_mode = ssl.CERT_NONE",
            "c.check_hostname = True\n    c.verify_mode = ssl.CERT_REQUIRED",
        ),
        (
            "c.check_hostname = False; c.verify_mode = ssl.CERT_NONE",
            "c.check_hostname = True; c.verify_mode = ssl.CERT_REQUIRED",
        ),
        (
            "c.verify_mode = ssl.CERT_NONE\n    d = c\n    c.check_hostname = True",
            "c.verify_mode = ssl.CERT_REQUIRED\n    d = c\n    c.check_hostname = True",
        ),
        (
            "c.check_hostname = False\n    self.check_hostname = True",
            "c.check_hostname = True\n    self.check_hostname = True",
        ),
        ("if self:\n        c.check_hostname = False", "if self:\n        c.check_hostname = True"),
    ],
)
def test_a_context_checks_again(check_fix, before, after):
    text = "import ssl\ndef f(self, c):\n    {}\n"
    check_fix(text.format(before), text.format(after), "CT104", applicability=Applicability.UNSAFE)


def test_only_this_context_is_changed(check_fix):
    text = "import ssl\ndef f(c, d):\n    c.verify_mode = ssl.{}\n    d.verify_mode = ssl.{}\n"
    check_fix(text.format("CERT_NONE", "CERT_NONE"), text.format("CERT_NONE", "CERT_REQUIRED"), "CT104", at=1)


def test_a_context_of_the_same_name_elsewhere_is_another(check_fix):
    text = "import ssl\nc = ssl.create_default_context()\nc.check_hostname = {}\ndef f(c):\n    c.verify_mode = ssl.CERT_NONE\n"
    check_fix(text.format("False"), text.format("True"), "CT104")


def test_both_are_switched_on_from_the_second_too(check_fix):
    text = "import ssl\ndef f(c):\n\tc.check_hostname = {}\n\tc.verify_mode = ssl.{}\n"
    check_fix(text.format("False", "CERT_NONE"), text.format("True", "CERT_REQUIRED"), "CT104", at=1)


def test_a_context_at_module_level_checks_again(check_fix):
    text = "import ssl\nc = ssl.create_default_context()\nc.check_hostname = {}\nc.verify_mode = ssl.{}\n"
    check_fix(text.format("False", "CERT_NONE"), text.format("True", "CERT_REQUIRED"), "CT104")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('urllib3.PoolManager(cert_reqs="CERT_NONE")', 'urllib3.PoolManager(cert_reqs="CERT_REQUIRED")'),
        (
            "urllib3.PoolManager(cert_reqs=ssl.CERT_NONE, maxsize=1)",
            "urllib3.PoolManager(cert_reqs=ssl.CERT_REQUIRED, maxsize=1)",
        ),
        ("urllib3.PoolManager(maxsize=1, assert_hostname=False)", "urllib3.PoolManager(maxsize=1)"),
        ("redis.Redis(ssl_cert_reqs=ssl.CERT_NONE)", "redis.Redis(ssl_cert_reqs=ssl.CERT_REQUIRED)"),
        ("redis.Redis(ssl_check_hostname=False)", "redis.Redis(ssl_check_hostname=True)"),
        (
            "urllib3.PoolManager(\n        cert_reqs='CERT_NONE',  # test\n    )",
            "urllib3.PoolManager(\n        cert_reqs='CERT_REQUIRED',  # test\n    )",
        ),
    ],
)
def test_an_argument_checks_again(check_fix, before, after):
    text = "import redis, ssl, urllib3\ndef f():\n    return {}\n"
    check_fix(text.format(before), text.format(after), "CT104", applicability=Applicability.UNSAFE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("paramiko.AutoAddPolicy()", "paramiko.RejectPolicy()"),
        ("paramiko.AutoAddPolicy", "paramiko.RejectPolicy"),
        ("paramiko.WarningPolicy", "paramiko.RejectPolicy"),
        ("policy=paramiko.AutoAddPolicy()", "policy=paramiko.RejectPolicy()"),
        ("paramiko.client.AutoAddPolicy", "paramiko.client.RejectPolicy"),
        ("\n    paramiko.AutoAddPolicy(),  # any\n", "\n    paramiko.RejectPolicy(),  # any\n"),
    ],
)
def test_unknown_hosts_are_refused(check_fix, before, after):
    text = "import paramiko\nc = paramiko.SSHClient()\nc.set_missing_host_key_policy({})\n"
    fix = check_fix(text.format(before), text.format(after), "S507", applicability=Applicability.UNSAFE)
    assert "load_system_host_keys" in fix.note


def test_the_policy_is_imported_by_name(check_fix):
    text = "from paramiko import {}\r\nc = SSHClient()\r\nc.set_missing_host_key_policy({}())\r\n"
    after = text.format("AutoAddPolicy, RejectPolicy, SSHClient", "RejectPolicy")
    check_fix(text.format("AutoAddPolicy, SSHClient", "AutoAddPolicy"), after, "S507")
