# ruff: noqa: E501 - a case stands on one line
import pytest

from codetune_core.domain.fix import Applicability

HS = 'algorithms=["HS256"]'


@pytest.mark.parametrize(
    ("arguments", "fixed"),
    [
        (f"t, k, {HS}, options={{'verify_signature': False}}", f"t, k, {HS}"),
        (f"t, k, options={{'verify_signature': False}}, {HS}", f"t, k, {HS}"),
        (f"t, k, {HS}, options=dict(verify_signature=False)", f"t, k, {HS}"),
        (
            f"t, k, {HS}, options={{'verify_signature': False, 'verify_exp': True}}",
            f"t, k, {HS}, options={{'verify_signature': True, 'verify_exp': True}}",
        ),
        (
            f"t, k, {HS}, options=dict(verify_signature=False, verify_aud=False)",
            f"t, k, {HS}, options=dict(verify_signature=True, verify_aud=False)",
        ),
        (f"t, k, {HS}, verify=False", f"t, k, {HS}"),
        (f"t, k, verify=False, {HS}", f"t, k, {HS}"),
        (f"t, k, False, {HS}", f"t, k, True, {HS}"),
        (f"t, key=k, {HS}, verify=False", f"t, key=k, {HS}"),
        (f"t, k, {HS}, verify=False, options={{'verify_signature': False}}", f"t, k, {HS}"),
        ('t, k, algorithms=["HS256", "none"]', f"t, k, {HS}"),
        ('t, k, algorithms=["none", "HS256"]', f"t, k, {HS}"),
        ('t, k, algorithms=["HS256", "NONE", "RS256"]', 't, k, algorithms=["HS256", "RS256"]'),
        ("t, k, algorithms=('HS256', 'none')", "t, k, algorithms=('HS256',)"),
        ("t, k, algorithms={'HS256', 'none'}", "t, k, algorithms={'HS256'}"),
        (f"f'{{t}}', k(), {HS}, verify=False", f"f'{{t}}', k(), {HS}"),
        (
            f"\n        t,\n        k,  # ours\n        {HS},\n        verify=False,  # why\n    ",
            f"\n        t,\n        k,  # ours\n        {HS},\n    ",
        ),
        (
            f"\n        t,\n        k,\n        options={{\n            'verify_signature': False,\n            'verify_exp': True,\n        }},\n        {HS},\n    ",
            f"\n        t,\n        k,\n        options={{\n            'verify_signature': True,\n            'verify_exp': True,\n        }},\n        {HS},\n    ",
        ),
    ],
)
def test_the_signature_is_verified(check_fix, arguments, fixed):
    text = "import jwt\ndef f(t, k):\n    return jwt.decode({})  # claims\n"
    fix = check_fix(text.format(arguments), text.format(fixed), "CT102", applicability=Applicability.UNSAFE)
    assert "expired" in fix.note


@pytest.mark.parametrize(
    "template",
    [
        "import jwt as j\ndef f(t, k): return j.decode(t, k, algorithms=['RS256']{})\n",
        "from jwt import decode\ndef f(t, k): return decode(t, k, algorithms=['RS256']{})\n",
        "from jwt import decode as d\ndef f(t, k):\r\n\treturn d(t, k, algorithms=['RS256']{})['sub']\r\n".replace(
            "d\n", "d\r\n"
        ),
        "from jose import jwt\ndef f(t, k): return jwt.decode(t, k{})\n",
        "import jwt\ndef f(t, k, g): return g(jwt.decode(t, k, algorithms=g(['none']){}))\n",
    ],
)
def test_the_library_is_known_under_every_name(check_fix, template):
    check_fix(template.format(", verify=False"), template.format(""), "CT102")


def test_the_algorithm_is_that_of_the_module_s_own_tokens(check_fix):
    text = "import jwt\ndef make(c, k): return jwt.encode(c, k, algorithm='HS512')\ndef read(t, k): return jwt.decode(t, k, {})\n"
    check_fix(text.format("options={'verify_signature': False}"), text.format('algorithms=["HS512"]'), "CT102")


@pytest.mark.parametrize(
    "call",
    [
        "jwt.decode(t, options={'verify_signature': False})",
        "jwt.decode(t, '', options={'verify_signature': False})",
        "jwt.decode(t, None, algorithms=['HS256'], options={'verify_signature': False})",
        "jwt.decode(t, k, options={'verify_signature': False})",
        "jwt.decode(t, k, algorithms=['none'])",
        "jwt.decode(t, k, algorithms='none')",
        "jwt.decode(t, k, verify=False)",
        "jwt.decode(t, k, algorithms=['HS256'], options=off)",
    ],
)
def test_without_a_key_or_an_algorithm_there_is_only_advice(check_declined, call):
    (shown,) = check_declined(f"import jwt\noff = {{'verify_signature': False}}\ndef f(t, k): return {call}\n", "CT102")
    assert shown.applicability is Applicability.DISPLAY_ONLY
    assert "algorithms" in shown.note


def test_two_algorithms_of_own_tokens_decide_nothing(check_declined):
    text = (
        "import jwt\ndef a(c, k): return jwt.encode(c, k, algorithm='HS512')\ndef b(c, k): return jwt.encode(c, k, 'HS256')\n"
        "def read(t, k): return jwt.decode(t, k, options={'verify_signature': False})\n"
    )
    assert len(check_declined(text, "CT102")) == 1
