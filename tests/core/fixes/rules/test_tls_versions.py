# ruff: noqa: E501 - a case stands on one line
import pytest

from codetune_core.domain.fix import Applicability


@pytest.mark.parametrize("version", ["PROTOCOL_SSLv2", "PROTOCOL_SSLv3", "PROTOCOL_TLSv1", "PROTOCOL_TLSv1_1"])
@pytest.mark.parametrize(
    "template",
    [
        "import ssl\nssl.wrap_socket(s, ssl_version=ssl.{})  # tls\n",
        "import ssl\nssl.wrap_socket(ssl_version=ssl.{}, sock=s)\n",
        "import ssl as t\nt.wrap_socket(s, ssl_version=t.{})\n",
        "import ssl\nssl.wrap_socket(\n    s,\n    ssl_version=ssl.{},  # old\n)\n",
    ],
)
def test_a_wrapped_socket_speaks_tls_1_2(check_fix, template, version):
    given = "from sockets import s\n"
    after = given + template.format("PROTOCOL_TLSv1_2")
    check_fix(given + template.format(version), after, "S502", applicability=Applicability.UNSAFE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "from ssl import wrap_socket, PROTOCOL_SSLv3\nwrap_socket(ssl_version=PROTOCOL_SSLv3)\n",
            "from ssl import wrap_socket, PROTOCOL_SSLv3, PROTOCOL_TLSv1_2\nwrap_socket(ssl_version=PROTOCOL_TLSv1_2)\n",
        ),
        (
            "from OpenSSL import SSL\nSSL.Context(method=SSL.SSLv3_METHOD)\n",
            "from OpenSSL import SSL\nSSL.Context(method=SSL.TLS_METHOD)\n",
        ),
        (
            "from OpenSSL import SSL\nSSL.Context(method=SSL.TLSv1_METHOD)\n",
            "from OpenSSL import SSL\nSSL.Context(method=SSL.TLS_METHOD)\n",
        ),
        (
            "import ssl\r\nssl.wrap_socket(ssl_version=ssl.PROTOCOL_SSLv2)\r\n",
            "import ssl\r\nssl.wrap_socket(ssl_version=ssl.PROTOCOL_TLSv1_2)\r\n",
        ),
    ],
)
def test_the_version_is_named_as_the_others_are(check_fix, before, after):
    check_fix(before, after, "S502")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import ssl\ndef f(v=ssl.PROTOCOL_SSLv2): ...\n", "import ssl\ndef f(v=ssl.PROTOCOL_TLSv1_2): ...\n"),
        (
            "import ssl\ndef f(*, v: int = ssl.PROTOCOL_TLSv1): ...\n",
            "import ssl\ndef f(*, v: int = ssl.PROTOCOL_TLSv1_2): ...\n",
        ),
        (
            "from OpenSSL import SSL\ndef f(v=SSL.SSLv23_METHOD): ...\n",
            "from OpenSSL import SSL\ndef f(v=SSL.TLS_METHOD): ...\n",
        ),
        (
            "import ssl as t\nclass A:\n\tdef f(self, v=t.PROTOCOL_SSLv3): ...\n",
            "import ssl as t\nclass A:\n\tdef f(self, v=t.PROTOCOL_TLSv1_2): ...\n",
        ),
    ],
)
def test_a_default_is_a_version_that_holds(check_fix, before, after):
    check_fix(before, after, "S503", applicability=Applicability.UNSAFE)


@pytest.mark.parametrize(
    ("arguments", "fixed"),
    [
        ("s", "s, ssl_version=ssl.PROTOCOL_TLSv1_2"),
        ("", "ssl_version=ssl.PROTOCOL_TLSv1_2"),
        ("s, server_side=True,", "s, server_side=True, ssl_version=ssl.PROTOCOL_TLSv1_2,"),
        (
            "\n    s,  # plain\n    keyfile=None,\n",
            "\n    s,  # plain\n    keyfile=None,\n    ssl_version=ssl.PROTOCOL_TLSv1_2,\n",
        ),
    ],
)
def test_a_socket_wrapped_without_a_version_gets_one(check_fix, arguments, fixed):
    text = "import ssl\nfrom sockets import s\nx = ssl.wrap_socket({})\n"
    fix = check_fix(text.format(arguments), text.format(fixed), "S504", applicability=Applicability.UNSAFE)
    assert "3.12" in fix.note


def test_unpacked_arguments_may_hold_the_version(check_declined):
    assert check_declined("import ssl\ndef f(a): ssl.wrap_socket(*a)\n", "S504") == []


@pytest.mark.parametrize("version", ["PROTOCOL_SSLv3", "PROTOCOL_TLSv1", "PROTOCOL_TLSv1_1"])
@pytest.mark.parametrize(
    "template",
    [
        "import ssl\ncontext = ssl.SSLContext(ssl.{})\n",
        "import ssl\ncontext = ssl.SSLContext(protocol=ssl.{})  # tls\n",
        "import ssl as t\ndef f():\n\treturn t.SSLContext(t.{})\n",
        "import ssl\r\ncontext = ssl.SSLContext(\r\n    ssl.{},  # old\r\n)\r\n",
        "import ssl\nx = [ssl.SSLContext(ssl.{}).wrap_socket(s) for s in ()]\n",
    ],
)
def test_a_context_is_a_client_s_first_and_a_server_s_second(check_fix, template, version):
    before = template.format(version)
    check_fix(before, template.format("PROTOCOL_TLS_CLIENT"), "CT104", applicability=Applicability.UNSAFE)
    check_fix(before, template.format("PROTOCOL_TLS_SERVER"), "CT104", index=1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import ssl\ndef f(s):\n    c = ssl.SSLContext(ssl.PROTOCOL_TLSv1)\n    return c.wrap_socket(s, server_side=True)\n",
            "import ssl\ndef f(s):\n    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n    return c.wrap_socket(s, server_side=True)\n",
        ),
        (
            "import ssl\nOLD = ssl.PROTOCOL_TLSv1\nc = ssl.SSLContext(OLD)\n",
            "import ssl\nOLD = ssl.PROTOCOL_TLSv1\nc = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n",
        ),
        (
            "from OpenSSL import SSL\nc = SSL.Context(SSL.TLSv1_METHOD)\n",
            "from OpenSSL import SSL\nc = SSL.Context(SSL.TLS_METHOD)\n",
        ),
        (
            "from ssl import PROTOCOL_TLSv1, SSLContext\nc = SSLContext(PROTOCOL_TLSv1)\n",
            "from ssl import PROTOCOL_TLS_CLIENT, PROTOCOL_TLSv1, SSLContext\nc = SSLContext(PROTOCOL_TLS_CLIENT)\n",
        ),
    ],
)
def test_the_side_and_the_library_are_seen(check_fix, before, after):
    check_fix(before, after, "CT104")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("c.minimum_version = ssl.TLSVersion.TLSv1", "c.minimum_version = ssl.TLSVersion.TLSv1_2"),
        ("c.minimum_version = ssl.TLSVersion.SSLv3  # old", "c.minimum_version = ssl.TLSVersion.TLSv1_2  # old"),
        ("c.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED", "c.minimum_version = ssl.TLSVersion.TLSv1_2"),
        ("c.maximum_version = ssl.TLSVersion.TLSv1_1", "c.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED"),
        ("g(c, minimum_version=ssl.TLSVersion.TLSv1)", "g(c, minimum_version=ssl.TLSVersion.TLSv1_2)"),
        ("c.x = 1; c.minimum_version = ssl.TLSVersion.TLSv1", "c.x = 1; c.minimum_version = ssl.TLSVersion.TLSv1_2"),
        ("(c.a).minimum_version = (ssl.TLSVersion.TLSv1)", "(c.a).minimum_version = ssl.TLSVersion.TLSv1_2"),
    ],
)
def test_the_bounds_of_a_context_are_moved(check_fix, before, after):
    text = "import ssl\ndef f(c, g):\n    {}\n    return c\n"
    check_fix(text.format(before), text.format(after), "CT104", applicability=Applicability.UNSAFE)
