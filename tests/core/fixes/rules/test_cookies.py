# ruff: noqa: E501 - a case stands on one line
import pytest

from codetune_core.domain.fix import Applicability

ALL = 'secure=True, httponly=True, samesite="Lax"'


@pytest.mark.parametrize(
    ("arguments", "fixed"),
    [
        ('"session", v', f'"session", v, {ALL}'),
        ('"session", value=v', f'"session", value=v, {ALL}'),
        ('key="session", value=v', f'key="session", value=v, {ALL}'),
        ('"session"', f'"session", {ALL}'),
        ('"session", v,', f'"session", v, {ALL},'),
        ('"session", v, secure=True', '"session", v, secure=True, httponly=True, samesite="Lax"'),
        ('"session", v, httponly=True', '"session", v, httponly=True, secure=True, samesite="Lax"'),
        ('"session", v, secure=False', '"session", v, secure=True, httponly=True, samesite="Lax"'),
        ('"session", v, secure=False, httponly=False, samesite=None', f'"session", v, {ALL}'),
        (
            '"session", v, secure=True, httponly=False, samesite="Strict"',
            '"session", v, secure=True, httponly=True, samesite="Strict"',
        ),
        ('"session", v, samesite="None", httponly=True', '"session", v, samesite="Lax", httponly=True, secure=True'),
        ('"session", v, httponly=g(), secure=False', '"session", v, httponly=g(), secure=True, samesite="Lax"'),
        (
            '"session", v, 60, None, "/", None, False, True',
            '"session", v, 60, None, "/", None, True, True, samesite="Lax"',
        ),
        (
            '"session", v, 60, None, "/", None, False, False, None',
            '"session", v, 60, None, "/", None, True, True, "Lax"',
        ),
        ('"csrf_token", v', '"csrf_token", v, secure=True, samesite="Lax"'),
        ('"XSRF-TOKEN", v, httponly=False', '"XSRF-TOKEN", v, httponly=False, secure=True, samesite="Lax"'),
        ('"auth", g(v, secure=False)', f'"auth", g(v, secure=False), {ALL}'),
        ('"auth", f"{v}!", max_age=60', f'"auth", f"{{v}}!", max_age=60, {ALL}'),
        ("g.session_cookie_name, v", f"g.session_cookie_name, v, {ALL}"),
        (
            '\n        "auth",\n        v,  # the value\n    ',
            '\n        "auth",\n        v,  # the value\n        secure=True,\n        httponly=True,\n        samesite="Lax",\n    ',
        ),
        (
            '\n        "auth",\n        v  # the value\n    ',
            '\n        "auth",\n        v,  # the value\n        secure=True,\n        httponly=True,\n        samesite="Lax"\n    ',
        ),
        (
            '\n        "auth", v,\n        secure=False,  # later\n    ',
            '\n        "auth", v,\n        secure=True,  # later\n        httponly=True,\n        samesite="Lax",\n    ',
        ),
    ],
)
def test_the_missing_protection_is_added(check_fix, arguments, fixed):
    text = "def f(response, v, g):\n    response.set_cookie({})  # login\n    return response\n"
    fix = check_fix(text.format(arguments), text.format(fixed), "CT101", applicability=Applicability.UNSAFE)
    assert "HTTPS" in fix.note


@pytest.mark.parametrize("receiver", ["resp", "self.response", "make_response()", "flask.make_response(v)"])
def test_the_response_may_be_any_expression(check_fix, receiver):
    text = f"def f(self, resp, v, make_response, flask):\n\t{receiver}.set_cookie('token', v{{}})\n"
    check_fix(text.format(""), text.format(f", {ALL}"), "CT101")


def test_a_line_with_windows_end(check_fix):
    text = "def f(r):\r\n\tr.set_cookie('sid', 1{})\r\n"
    check_fix(text.format(""), text.format(f", {ALL}"), "CT101")


@pytest.mark.parametrize(
    "template",
    [
        "SESSION_COOKIE_SECURE = {}\n",
        "SESSION_COOKIE_HTTPONLY: bool = {}\n",
        "CSRF_COOKIE_SECURE={}  # dev\n",
        'app = f()\napp.config["SESSION_COOKIE_SECURE"] = {}\n',
        "app = f()\napp.config['REMEMBER_COOKIE_HTTPONLY'] = {}\n",
        "app = f()\napp.config.update(SESSION_COOKIE_SECURE={}, DEBUG=False)\n",
        "app = f()\napp.config.update(\n    DEBUG=False,\n    SESSION_COOKIE_HTTPONLY={},  # js\n)\n",
        'x = {{"SESSION_COOKIE_SECURE": {}, "a": False}}\n',
        "app = f()\napp.config.from_mapping({{'SESSION_COOKIE_HTTPONLY': {}}})\n",
        "class Config:\n    SESSION_COOKIE_SECURE = {}\n",
        "class Config:\n\tSESSION_COOKIE_SECURE = {}\n\tDEBUG = False\n",
        "SESSION_COOKIE_SECURE = {}; DEBUG = False\n",
        "x = dict(SESSION_COOKIE_SECURE={})\n",
        "def g(app):\r\n    app.config['SESSION_COOKIE_SECURE'] = {}\r\n",
    ],
)
def test_a_setting_is_switched_on(check_fix, template):
    given = "" if "\r\n" in template else "def f(): ...\n"
    check_fix(
        given + template.format("False"), given + template.format("True"), "CT101", applicability=Applicability.UNSAFE
    )


@pytest.mark.parametrize(
    "text",
    [
        "OFF = False\nSESSION_COOKIE_SECURE = OFF\n",
        "OFF = False\ndef f(r, v): r.set_cookie('session', v, secure=OFF, httponly=True, samesite='Lax')\n",
    ],
)
def test_a_value_from_elsewhere_is_left_alone(check_declined, text):
    assert check_declined(text, "CT101") == []
