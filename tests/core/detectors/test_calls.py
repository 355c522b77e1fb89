from pathlib import Path
from time import perf_counter

import pytest

from codetune_core.detectors.calls import CallsDetector
from codetune_core.detectors.rule_pack import load_rules
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding
from codetune_core.settings import Settings


def document(text: str, language: str = "python") -> Document:
    return Document("file:///shop/app.py", text, language)


async def findings(text: str) -> list[Finding]:
    return list((await CallsDetector(Settings()).detect(document(text))).findings)


async def check(text: str) -> list[tuple[str, str]]:
    return [(finding.rule.id, document(text).slice(finding.range)) for finding in await findings(text)]


COOKIES = [
    'response.set_cookie("session", value)',
    'response.set_cookie("session_id", value, max_age=60)',
    'response.set_cookie(key="access_token", value=token)',
    'response.set_cookie("auth", value, secure=True)',
    'response.set_cookie("auth", value, httponly=True)',
    'response.set_cookie("auth", value, secure=False, httponly=True)',
    'response.set_cookie("auth", value, secure=True, httponly=False, samesite="Lax")',
    'response.set_cookie("auth", value, secure=True, httponly=True, samesite="None")',
    'response.set_cookie("auth", value, secure=True, httponly=True, samesite=None)',
    'response.set_cookie("auth", value, 60, None, "/", None, False, True)',
    'response.set_cookie("auth", value, secure=0, httponly=True)',
    'resp.set_cookie("remember_me", value)',
    'self.response.set_cookie("csrftoken", value)',
    'flask.make_response(page).set_cookie("jwt", value)',
    'response.set_cookie("PHPSESSID", value)',
    "response.set_cookie(SESSION_COOKIE_NAME, value)",
    'response.set_cookie(\n    "session",\n    value,\n)',
]


@pytest.mark.parametrize("call", COOKIES)
async def test_a_login_cookie_without_its_flags_is_flagged_where_it_is_set(call: str) -> None:
    flagged = call[: call.index(".set_cookie") + len(".set_cookie")]
    assert await check(f"def view(response):\n    {call}\n") == [("CT101", flagged)]


@pytest.mark.parametrize(
    "line",
    [
        'response.set_cookie("theme", "dark")',
        'response.set_cookie("language", code, secure=False)',
        'response.set_cookie("session", value, secure=True, httponly=True)',
        'response.set_cookie("session", value, secure=True, httponly=True, samesite="Strict")',
        'response.set_cookie("session", value, secure=not debug, httponly=True)',
        'response.set_cookie("session", value, secure=settings.SECURE, httponly=settings.HTTPONLY)',
        'response.set_cookie("session", value, **cookie_flags)',
        'response.set_cookie("session", *rest)',
        'response.set_cookie("session", value, 60, None, "/", None, True, True, "Lax")',
        'response.set_cookie("csrftoken", value, secure=True)',
        'response.set_cookie("xsrf-token", value, secure=True, samesite="Strict")',
        'set_cookie("session", value)',
        'response.delete_cookie("session")',
        'response.set_signed_cookie_name("session")',
        "response.set_cookie()",
    ],
)
async def test_a_protected_or_harmless_cookie_is_not_flagged(line: str) -> None:
    assert await check(f"def view(response, value):\n    {line}\n") == []


async def test_a_cookie_name_and_its_flags_are_followed_to_the_constant_they_were_given() -> None:
    unsafe = 'NAME = "session"\nSECURE = False\nr.set_cookie(NAME, v, secure=SECURE, httponly=True)\n'
    assert await check(unsafe) == [("CT101", "r.set_cookie")]
    assert await check(unsafe.replace("False", "True")) == []
    assert await check(unsafe.replace('"session"', '"colour"')) == []


@pytest.mark.parametrize(
    ("text", "flagged"),
    [
        ("SESSION_COOKIE_SECURE = False", "SESSION_COOKIE_SECURE = False"),
        ("CSRF_COOKIE_SECURE: bool = False", "CSRF_COOKIE_SECURE: bool = False"),
        ("SESSION_COOKIE_HTTPONLY = False  # for now", "SESSION_COOKIE_HTTPONLY = False"),
        ('app.config["SESSION_COOKIE_SECURE"] = False', 'app.config["SESSION_COOKIE_SECURE"] = False'),
        ("settings.CSRF_COOKIE_SECURE = False", "settings.CSRF_COOKIE_SECURE = False"),
        ("app.config.update(DEBUG=False, SESSION_COOKIE_SECURE=False)", "SESSION_COOKIE_SECURE=False"),
        ('app.config.from_mapping({"REMEMBER_COOKIE_SECURE": False})', "False"),
        ("class Production:\n    SESSION_COOKIE_SECURE = False", "SESSION_COOKIE_SECURE = False"),
        ("OFF = False\nSESSION_COOKIE_SECURE = OFF", "SESSION_COOKIE_SECURE = OFF"),
    ],
)
async def test_a_framework_setting_that_bares_the_cookie_is_flagged(text: str, flagged: str) -> None:
    assert await check(text) == [("CT101", flagged)]


@pytest.mark.parametrize(
    "text",
    [
        "SESSION_COOKIE_SECURE = True",
        "SESSION_COOKIE_SECURE = not DEBUG",
        "SESSION_COOKIE_NAME = False",
        'app.config["SESSION_COOKIE_SECURE"] = env.bool("SECURE")',
        "app.config.update(SESSION_COOKIE_SECURE=True)",
        'print("SESSION_COOKIE_SECURE", False)',
        "if SESSION_COOKIE_SECURE == False: pass",
        '{"SESSION_COOKIE_SECURE": True, **more}',
    ],
)
async def test_a_framework_setting_that_protects_the_cookie_is_not_flagged(text: str) -> None:
    assert await check(text) == []


JWT_IMPORTS = [
    ("import jwt", "jwt.decode"),
    ("import jwt as j", "j.decode"),
    ("from jwt import decode", "decode"),
    ("from jwt import decode as read", "read"),
    ("import jwt", "jwt.decode_complete"),
    ("import jwt", "jwt.PyJWT().decode"),
    ("from jose import jwt", "jwt.decode"),
    ("import jose.jwt", "jose.jwt.decode"),
    ("import jwt\nread = jwt.decode", "read"),
    ("import jwt\nreader = jwt.PyJWT()", "reader.decode"),
]
JWT_OFF = [
    ("token, {}", "verify=False"),
    ("token, key, {}", "False"),
    ("token, {}", 'options={"verify_signature": False}'),
    ('token, key, algorithms=["HS256"], {}', 'options={"verify_exp": True, "verify_signature": False}'),
    ("token, {}", "options=dict(verify_signature=False)"),
    ("token, key, {}", 'algorithms=["none"]'),
    ("token, key, {}", 'algorithms=["HS256", "None"]'),
    ("token, key, {}", 'algorithms=("NONE",)'),
    ("token, key, {}", 'algorithms="none"'),
]


@pytest.mark.parametrize(("imported", "decode"), JWT_IMPORTS)
@pytest.mark.parametrize(("arguments", "off"), JWT_OFF)
async def test_a_token_read_without_its_signature_is_flagged_however_it_was_imported(
    imported: str, decode: str, arguments: str, off: str
) -> None:
    code = f"{decode}({arguments.format(off)})"
    assert await check(f"{imported}\n\ndef who(token, key):\n    return {code}\n") == [("CT102", off)]


@pytest.mark.parametrize(
    "line",
    [
        'jwt.decode(token, key, algorithms=["HS256"])',
        'jwt.decode(token, key, algorithms=["HS256"], options={"verify_signature": True})',
        'jwt.decode(token, key, algorithms=["HS256"], options={"verify_aud": False})',
        "jwt.decode(token, key, verify=True)",
        "jwt.decode(token, key, algorithms=None)",
        "jwt.decode(token, key, algorithms=ALGORITHMS)",
        'jwt.encode(claims, key, algorithm="none")',
        "jwt.get_unverified_header(token)",
        "data.decode(token, verify=False)",
        "zlib.decode(token, verify=False)",
        "jwt.decode(token, **options)",
    ],
)
async def test_a_token_read_with_its_signature_is_not_flagged(line: str) -> None:
    assert await check(f"import jwt\nimport zlib\n\ndef who(token, key):\n    return {line}\n") == []


async def test_options_in_a_variable_are_followed_unless_it_is_given_two_values() -> None:
    one = 'import jwt\ndef f(t):\n    opts = {"verify_signature": False}\n    return jwt.decode(t, options=opts)\n'
    assert await check(one) == [("CT102", "options=opts")]
    two = one.replace("    return", "    if t:\n        opts = {}\n    return")
    assert await check(two) == []


async def test_a_parameter_or_local_called_jwt_is_not_the_module() -> None:
    assert await check("def f(jwt, t):\n    return jwt.decode(t, verify=False)\n") == []
    assert await check("def f(t):\n    jwt = make()\n    return jwt.decode(t, verify=False)\n") == []


DIGESTS = [
    "hmac.new(key, body, sha256).hexdigest() == received",
    "received != hmac.new(key, body, sha256).hexdigest()",
    "hmac.new(key, body, sha256).digest() == received",
    'hmac.digest(key, body, "sha256") == received',
    "hmac.HMAC(key, body, sha256).digest() == received",
    "base64.b64encode(hmac.new(key, body, sha256).digest()) == received",
    "base64.b64encode(hmac.new(key, body, sha256).digest()).decode() == received",
    'f"sha256={hmac.new(key, body, sha256).hexdigest()}" == received',
    '"sha256=" + hmac.new(key, body, sha256).hexdigest() == received',
    "str(hmac.new(key, body, sha256).hexdigest()) == received",
]


@pytest.mark.parametrize("code", DIGESTS)
async def test_a_digest_compared_by_equals_is_flagged_with_high_confidence(code: str) -> None:
    text = f"import base64, hmac\nfrom hashlib import sha256\n\ndef ok(key, body, received):\n    return {code}\n"
    assert await check(text) == [("CT103", code)]
    assert [finding.confidence for finding in await findings(text)] == [Confidence.HIGH]


@pytest.mark.parametrize(
    "text",
    [
        "import hmac\ndef ok(k, b, r):\n    mac = hmac.new(k, b, 'sha256')\n    return mac.hexdigest() == r\n",
        "import hmac\ndef mac(k, b):\n    return hmac.new(k, b).digest()\ndef f(k, b, r):\n    return r == mac(k, b)\n",
        "from hmac import new\ndef f(k, b, r):\n    m = new(k)\n    m.update(b)\n    d = m.digest()\n    r == d\n",
        "import hmac as h\ndef ok(k, b, r):\n    want = h.new(k, b, 'sha256').hexdigest()\n    if want != r: raise E\n",
        "from hmac import new\ndef ok(k, b, r):\n    return r == new(k, b, 'sha256').digest()\n",
        "from hmac import HMAC as M\ndef ok(k, b, r):\n    d: str = M(k, b, 'sha256').hexdigest()\n    return r == d\n",
        "import hmac\ndef ok(k, b, r):\n    if (d := hmac.new(k, b, 'sha256').hexdigest()) and d == r: return 1\n",
        "import hmac\ndef ok(k, b, r):\n    want = 'v1=' + hmac.new(k, b, 'md5').hexdigest()\n    return want == r\n",
    ],
)
async def test_a_digest_is_followed_through_aliases_variables_and_functions(text: str) -> None:
    assert [(finding.rule.id, finding.confidence) for finding in await findings(text)] == [("CT103", Confidence.HIGH)]


@pytest.mark.parametrize(
    "code",
    [
        "hmac.compare_digest(hmac.new(key, body, sha256).hexdigest(), received)",
        "len(hmac.new(key, body, sha256).digest()) == size",
        'hmac.new(key, body, sha256).hexdigest() == "9e107d9d372bb6826bd81d3542a419d6"',
        "hmac.new(key, body, sha256).hexdigest() is received",
        "hmac.new(key, body, sha256).hexdigest() in received",
        "sha256(body).hexdigest() == received",
        "again(body) == received",
        "a < hmac.new(key, body, sha256).hexdigest() < b",
        "hmac.new(key, body, sha256).name == received",
        "signature == other.signature",
        "token == other",
        'token == "("',
    ],
)
async def test_a_constant_time_comparison_or_one_of_no_secret_is_not_flagged(code: str) -> None:
    names = "key, body, received, size, a, b, token, signature, other"
    again = "def again(x):\n    return again(x) if x else again(1)\n\n"
    text = f"import hmac\nfrom hashlib import sha256\n\n{again}def ok({names}):\n    return {code}\n"
    assert await check(text) == []


@pytest.mark.parametrize(
    "code",
    [
        'request.headers["X-Signature"] == signature',
        'request.headers.get("X-Api-Key") != settings.API_KEY',
        'app.config["WEBHOOK_SECRET"] == request.headers.get("X-Secret")',
        'self.request.cookies["csrf"] == csrf_token',
        'request.META["HTTP_X_TOKEN"] == self.token',
    ],
)
async def test_a_secret_compared_to_what_a_request_says_is_flagged_with_medium_confidence(code: str) -> None:
    text = f"def view(self, request, signature, csrf_token):\n    if {code}:\n        pass\n"
    assert await check(text) == [("CT103", code)]
    assert [finding.confidence for finding in await findings(text)] == [Confidence.MEDIUM]


@pytest.mark.parametrize(
    "code",
    [
        'request.headers["Accept"] == accepted',
        'request.headers["X-Token"] == "expected"',
        'request.form["name"] == user.name',
        'message.headers["X-Token"] == token',
        "request.token == token",
    ],
)
async def test_a_request_compared_to_no_secret_is_not_flagged(code: str) -> None:
    assert await check(f"def view(request, accepted, user, message, token):\n    if {code}:\n        pass\n") == []


@pytest.mark.parametrize("protocol", ["PROTOCOL_SSLv2", "PROTOCOL_SSLv3", "PROTOCOL_TLSv1", "PROTOCOL_TLSv1_1"])
@pytest.mark.parametrize(
    ("imported", "call"),
    [
        ("import ssl", "ssl.SSLContext(ssl.{})"),
        ("import ssl", "ssl.SSLContext(protocol=ssl.{})"),
        ("import ssl as s", "s.SSLContext(s.{})"),
        ("from ssl import SSLContext, {}", "SSLContext({})"),
    ],
)
async def test_a_context_of_an_old_protocol_is_flagged(protocol: str, imported: str, call: str) -> None:
    code = call.format(protocol)
    assert await check(f"{imported.format(protocol)}\ncontext = {code}\n") == [("CT104", code)]


@pytest.mark.parametrize(
    ("line", "flagged"),
    [
        ("context.minimum_version = ssl.TLSVersion.TLSv1", None),
        ("context.minimum_version = ssl.TLSVersion.TLSv1_1", None),
        ("context.minimum_version = ssl.TLSVersion.SSLv3", None),
        ("context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED", None),
        ("context.maximum_version = ssl.TLSVersion.TLSv1", None),
        ("context.check_hostname = False", None),
        ("context.verify_mode = ssl.CERT_NONE", None),
        ("context.verify_mode = ssl.VerifyMode.CERT_NONE", None),
        ("pool = PoolManager(cert_reqs=ssl.CERT_NONE)", "cert_reqs=ssl.CERT_NONE"),
        ('pool = PoolManager(cert_reqs="CERT_NONE")', 'cert_reqs="CERT_NONE"'),
        ("pool = PoolManager(assert_hostname=False)", "assert_hostname=False"),
        ("cache = Redis(ssl=True, ssl_check_hostname=False)", "ssl_check_hostname=False"),
        ("old = SSL.Context(SSL.TLSv1_METHOD)", "SSL.Context(SSL.TLSv1_METHOD)"),
    ],
)
async def test_a_context_that_checks_less_is_flagged(line: str, flagged: str | None) -> None:
    text = f"import ssl\nfrom OpenSSL import SSL\ncontext = ssl.create_default_context()\n{line}\n"
    assert await check(text) == [("CT104", flagged or line)]


@pytest.mark.parametrize(
    "line",
    [
        "context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)",
        "context = ssl.SSLContext()",
        "context = ssl.create_default_context()",
        "context.minimum_version = ssl.TLSVersion.TLSv1_2",
        "context.minimum_version = version",
        "context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED",
        "context.check_hostname = True",
        "context.check_hostname = strict",
        "context.verify_mode = ssl.CERT_REQUIRED",
        "server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\nserver.verify_mode = ssl.CERT_NONE",
        "server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)\nserver.check_hostname = False",
        "server = ssl.create_default_context(purpose=ssl.Purpose.CLIENT_AUTH)\nserver.verify_mode = ssl.CERT_NONE",
        "check_hostname = False",
        "ssl.wrap_socket(raw)",
        "if context.verify_mode == ssl.CERT_NONE: pass",
    ],
)
async def test_a_context_of_today_is_not_flagged(line: str) -> None:
    assert (
        await check(
            f"import ssl\ndef make(context, version, strict, raw):\n    {line.replace(chr(10), chr(10) + '    ')}\n"
        )
        == []
    )


async def test_an_old_version_is_still_flagged_in_a_server() -> None:
    text = "import ssl\ns = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\ns.minimum_version = ssl.TLSVersion.TLSv1\n"
    assert await check(text) == [("CT104", "s.minimum_version = ssl.TLSVersion.TLSv1")]


@pytest.mark.parametrize(
    "text", ["import jwt\njwt.decode(t, verify=False\n", "jwt = (\n", "jwt\0", "cookie = § 5", "ssl = '''"]
)
async def test_a_text_of_which_nothing_parses_has_no_findings_and_no_notice(text: str) -> None:
    detection = await CallsDetector(Settings()).detect(document(text))
    assert (detection.findings, detection.notices) == ((), ())


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "before", ["", "\ufeff", "# 😀 ü\n", "x = '😀'; ", "\x0c", "s = '\udc80'\n", "s = 'a\x0cb\u2028c'\n"]
)
async def test_the_range_counts_code_points_whatever_stands_before(end: str, before: str) -> None:
    text = f"{before}config.update(name='😀', SESSION_COOKIE_SECURE=False)\n".replace("\n", end)
    assert await check(text) == [("CT101", "SESSION_COOKIE_SECURE=False")]


async def test_the_message_names_the_function_and_every_rule_is_complete() -> None:
    text = "class Shop:\n    def login(self, r):\n        r.set_cookie('session', 1)\n"
    assert "in `Shop.login`" in (await findings(text))[0].message
    for rule in load_rules("calls").values():
        assert rule.title
        assert rule.cwe
        assert rule.message
        assert "```python" in rule.explanation
        assert rule.references


async def test_deep_nesting_ends_without_a_crash() -> None:
    assert await check("jwt = " + "(" * 5000 + ")" * 5000) == []
    assert await check("jwt = " + "-" * 3000 + "1\n") == []


async def test_only_python_is_looked_at() -> None:
    assert CallsDetector(Settings()).handles(document("", "python"))
    assert not CallsDetector(Settings()).handles(document("", "javascript"))


async def test_a_file_of_100_kilobytes_takes_a_fraction_of_a_second() -> None:
    source = Path(pytest.__file__).parent.joinpath("../_pytest/python.py").resolve().read_text("utf-8")
    text = "import jwt\n" + (source * (100_000 // len(source) + 1))[:100_000].rsplit("\n\n\n", 1)[0]
    began = perf_counter()
    await check(text)
    assert perf_counter() - began < 1


UNSAFE = "def who(token):\n    return jwt.decode(token, verify=False)\n"


@pytest.mark.parametrize(
    "broken", ["x = (1,\n", "def half(:\n    pass\n", "for\n", "class A:\n    def f(self\n", "y = = 2\n"]
)
@pytest.mark.parametrize("order", ["{broken}\n{sound}", "{sound}\n{broken}"])
async def test_sound_statements_beside_a_broken_one_are_looked_at(broken: str, order: str) -> None:
    text = "import jwt\n\n" + order.format(broken=broken, sound=UNSAFE)
    assert ("CT102", "verify=False") in await check(text)


async def test_a_sound_function_of_a_broken_class_is_looked_at() -> None:
    sound = "    def who(self, t):\n        return jwt.decode(t, verify=False)\n"
    text = f"import jwt\n\nclass A:\n    def half(self:\n        pass\n\n{sound}"
    assert await check(text) == [("CT102", "verify=False")]


async def test_while_an_import_is_half_typed_unchanged_functions_keep_their_findings() -> None:
    detector = CallsDetector(Settings())
    sound = "from jwt import decode as read\n\n\ndef who(t):\n    return read(t, verify=False)\n"
    await detector.detect(document(sound))
    broken = sound.replace("from jwt import decode as read\n", "import os\nfrom jwt import decode as\n")
    (finding,) = (await detector.detect(document(broken))).findings
    assert (finding.stale, finding.range.start.line) == (True, 5)
    touched = broken.replace("(t, verify", "(t, k, verify")
    assert (await detector.detect(document(touched))).findings == ()


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        (
            "import jwt\noff = {'verify_signature': False}\njwt.decode(t, options=off)\n",
            [("{'verify_signature': False}", "`off` is set here")],
        ),
        (
            "import hmac\nwant = hmac.new(key, body, 'sha256').hexdigest()\nsame = given == want\n",
            [("hmac.new(key, body, 'sha256').hexdigest()", "`want` is set here")],
        ),
        ("import jwt\njwt.decode(t, verify=False)\n", []),
    ],
)
async def test_the_evidence_leads_to_where_the_variables_were_set(text: str, steps: list[tuple[str, str]]) -> None:
    (finding,) = await findings(text)
    assert [(document(text).slice(step.range), step.message) for step in finding.evidence] == steps
