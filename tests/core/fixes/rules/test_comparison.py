# ruff: noqa: E501 - a case stands on one line
import pytest

from codetune_core.domain.fix import Applicability

GIVEN = "import hmac\n\ndef f(key, body, given, request, x, g):\n    mac = hmac.new(key, body, 'sha256').hexdigest()\n    {}\n"
SAME = "hmac.compare_digest(mac, given)"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return mac == given", f"return {SAME}"),
        ("return given == mac", "return hmac.compare_digest(given, mac)"),
        ("return mac != given", f"return not {SAME}"),
        ("return not mac == given", f"return not {SAME}"),
        ("return not mac != given", f"return {SAME}"),
        ("return not (mac != given)", f"return {SAME}"),
        ("return not (mac == given)", f"return not ({SAME})"),
        ("return (mac == given)", f"return ({SAME})"),
        ("return (mac != given)", f"return (not {SAME})"),
        ("return (mac != given) is True", f"return (not {SAME}) is True"),
        ("return x and mac == given", f"return x and {SAME}"),
        ("return x or mac != given or x", f"return x or not {SAME} or x"),
        ("return g(mac == given, x)", f"return g({SAME}, x)"),
        ("return g(a=mac != given)", f"return g(a=not {SAME})"),
        ("return 1 if mac == given else 2", f"return 1 if {SAME} else 2"),
        ("if mac != given: return", f"if not {SAME}: return"),
        ("while mac != given: g()", f"while not {SAME}: g()"),
        ("ok = mac == given  # same", f"ok = {SAME}  # same"),
        ("return (\n        mac\n        == given\n    )", f"return ({SAME})"),
        ("return mac == g(given, x)", "return hmac.compare_digest(mac, g(given, x))"),
        (
            "return hmac.new(key, x, 'sha256').digest() == given",
            "return hmac.compare_digest(hmac.new(key, x, 'sha256').digest(), given)",
        ),
        (
            "return hmac.digest(key, x, 'sha256') == given",
            "return hmac.compare_digest(hmac.digest(key, x, 'sha256'), given)",
        ),
        ("return f'sha256={mac}' == given", "return hmac.compare_digest(f'sha256={mac}', given)"),
        ("return 'sha256=' + mac == given", "return hmac.compare_digest('sha256=' + mac, given)"),
        (
            "return request.headers['X-Signature'] == mac",
            "return hmac.compare_digest(request.headers['X-Signature'], mac)",
        ),
        (
            "return mac == request.headers.get('X-Signature')",
            "return hmac.compare_digest(mac, request.headers.get('X-Signature', \"\"))",
        ),
        ("return mac == request.headers.get('X', '')", "return hmac.compare_digest(mac, request.headers.get('X', ''))"),
        (
            "return x.api_token == request.cookies.get('token')",
            "return hmac.compare_digest(x.api_token, request.cookies.get('token', \"\"))",
        ),
        (
            "return x.api_token != request.headers['token']",
            "return not hmac.compare_digest(x.api_token, request.headers['token'])",
        ),
        ("return [y for y in x if mac == given]", f"return [y for y in x if {SAME}]"),
        ("return lambda: mac == given", f"return lambda: {SAME}"),
        ("return mac == request.get('X')", "return hmac.compare_digest(mac, request.get('X'))"),
        ("return mac == x.form.get(*g)", "return hmac.compare_digest(mac, x.form.get(*g))"),
    ],
)
def test_a_digest_is_compared_in_constant_time(check_fix, before, after):
    fix = check_fix(GIVEN.format(before), GIVEN.format(after), "CT103", applicability=Applicability.UNSAFE)
    assert "bytes" in fix.note


@pytest.mark.parametrize(
    ("imports", "made", "fixed_imports", "function"),
    [
        ("import hmac", "hmac.new", "import hmac", "hmac.compare_digest"),
        ("import hmac as h", "h.new", "import hmac as h", "h.compare_digest"),
        ("from hmac import new", "new", "from hmac import compare_digest, new", "compare_digest"),
        ("from hmac import compare_digest, new", "new", "from hmac import compare_digest, new", "compare_digest"),
        (
            "from hmac import HMAC as M, compare_digest as same",
            "M",
            "from hmac import HMAC as M, compare_digest as same",
            "same",
        ),
    ],
)
def test_hmac_is_reached_by_the_imports_that_are_there(check_fix, imports, made, fixed_imports, function):
    text = "{}\ndef f(k, b, given):\n\treturn {}\n"
    digest = f"{made}(k, b, 'sha256').digest()"
    after = text.format(fixed_imports, f"{function}({digest}, given)")
    check_fix(text.format(imports, f"{digest} == given"), after, "CT103")


def test_windows_line_ends_stay(check_fix):
    before = "import hmac\r\ndef f(k, b, given):\r\n    return hmac.digest(k, b, 'md5') == given\r\n"
    check_fix(
        before,
        before.replace("hmac.digest(k, b, 'md5') == given", "hmac.compare_digest(hmac.digest(k, b, 'md5'), given)"),
        "CT103",
    )


def test_without_a_way_to_name_the_function_nothing_is_offered(check_declined):
    text = "hmac = 1\ndef f(request, user, compare_digest): return user.api_token == request.headers['X']\n"
    assert check_declined(text, "CT103") == []
