import pytest

from codetune_core.domain.fix import Applicability

FLASK = "from flask import Flask\napp = Flask(__name__)\n"


@pytest.mark.parametrize(
    ("call", "fixed"),
    [
        ("app.run(debug=True)", "app.run()"),
        ("app.run( debug = True )", "app.run()"),
        ("app.run(debug=True,)", "app.run()"),
        ('app.run(host="h", debug=True)', 'app.run(host="h")'),
        ('app.run(debug=True, host="h")', 'app.run(host="h")'),
        ('app.run("h", 80, True, debug=True)', 'app.run("h", 80, True)'),
        ("app.run(port=f(1), debug=True, threaded=True)", "app.run(port=f(1), threaded=True)"),
        ("app.run(**f(), debug=True)", "app.run(**f())"),
        ("app.run(\n    debug=True,\n)", "app.run()"),
        ("app.run(\n    port=1,  # main\n    debug=True,\n)", "app.run(\n    port=1,  # main\n)"),
        ("app.run(\n    port=1,  # main\n    debug=True\n)", "app.run(\n    port=1  # main\n)"),
        ("app.run(\n    debug=True,  # off later\n    port=1,  # main\n)", "app.run(\n    port=1,  # main\n)"),
        ("app.run(\n\tport=1,\n\tdebug=True,\n)", "app.run(\n\tport=1,\n)"),
    ],
)
def test_flask_s_debug_mode_is_left_to_the_environment(check_fix, call, fixed):
    given = f"{FLASK}def f(*_): return {{}}\n"
    fix = check_fix(
        f"{given}{call}  # serve\n", f"{given}{fixed}  # serve\n", "S201", applicability=Applicability.UNSAFE
    )
    assert "FLASK_DEBUG" in fix.note


def test_a_flask_application_with_windows_line_ends(check_fix):
    flask = FLASK.replace("\n", "\r\n")
    check_fix(
        f"{flask}app.run(\r\n    port=1,\r\n    debug=True,\r\n)\r\n",
        f"{flask}app.run(\r\n    port=1,\r\n)\r\n",
        "S201",
    )


def test_a_flask_application_under_main(check_fix):
    main = FLASK + 'if __name__ == "__main__":\n    app.run({})\n'
    check_fix(main.format('host="localhost", debug=True'), main.format('host="localhost"'), "S201")


@pytest.mark.parametrize(
    "template",
    [
        'f("{}", 80)\n',
        "f(('{}', 80))\n",
        'HOST = "{}"\n',
        'def g(host="{}"): ...\n',
        'x = {{"host": "{}"}}\n',
        'f(host=r"{}")  # all\n',
        "f(\n    '{}',  # all\n    80,\n)\n",
        'f("""{}""")\n',
        'class A:\n\thost = "{}"\n',
        'match f():\n    case None:\n        f("{}")\n',
    ],
)
def test_an_address_for_everyone_becomes_this_machine_s(check_fix, template):
    given = "def f(*_, **__): ...\n"
    before, after = (given + template.format(address) for address in ("0.0.0.0", "127.0.0.1"))
    check_fix(before, after, "S104", applicability=Applicability.UNSAFE)


@pytest.mark.parametrize(
    "text",
    [
        'def f(a): return a == "0.0.0.0"\n',
        'def f(a): return a in ("0.0.0.0", "x")\n',
        'def f(a):\n    while a != "0.0.0.0": ...\n',
        'def f(a):\n    match a:\n        case "0.0.0.0": ...\n',
    ],
)
def test_an_address_that_is_only_compared_stays(check_declined, text):
    assert check_declined(text, "S104") == []


@pytest.mark.parametrize(
    "call", ["urllib.request.urlopen(url)", "urllib.request.Request(url)", "urllib.request.urlretrieve(url)"]
)
def test_opening_any_url_is_explained(check_declined, call):
    (shown,) = check_declined(f"import urllib.request\ndef f(url): return {call}\n", "S310")
    assert "scheme" in shown.note
