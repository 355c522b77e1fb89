"""Requests get a time limit and check certificates."""

import pytest

METHODS = ["get", "post", "put", "delete", "head", "options", "patch"]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gets_a_time_limit(check_fix, method):
    before = f"import requests\n\nanswer = requests.{method}('https://x')\n"
    after = f"import requests\n\nanswer = requests.{method}('https://x', timeout=10)\n"
    check_fix(before, after, "S113", title="time limit of 10 seconds", applicability="unsafe", note="Timeout")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("requests.get(url, timeout=None)", "requests.get(url, timeout=10)"),
        ("requests.get(url,)", "requests.get(url, timeout=10,)"),
        ("requests.get(url=url)", "requests.get(url=url, timeout=10)"),
        ("requests.request('GET', url, headers={})", "requests.request('GET', url, headers={}, timeout=10)"),
        (
            "requests.get(requests.get(url, timeout=1).text)",
            "requests.get(requests.get(url, timeout=1).text, timeout=10)",
        ),
        ("x = requests.get(url).json()['a']", "x = requests.get(url, timeout=10).json()['a']"),
        ("requests.get(\n    url\n)", "requests.get(\n    url,\n    timeout=10\n)"),
        ("requests.get(\n    url,\n)", "requests.get(\n    url,\n    timeout=10,\n)"),
        (
            "requests.get(\n    url,  # where\n    headers={},  # what\n)",
            "requests.get(\n    url,  # where\n    headers={},  # what\n    timeout=10,\n)",
        ),
        (
            "requests.get(\n    url,\n    headers={}  # what\n)",
            "requests.get(\n    url,\n    headers={},  # what\n    timeout=10\n)",
        ),
        ("requests.get(\n\turl,\n\theaders={},\n)", "requests.get(\n\turl,\n\theaders={},\n\ttimeout=10,\n)"),
        ("requests.get(url,\n             headers={})", "requests.get(url,\n             headers={}, timeout=10)"),
        ("requests.get(url, timeout=None, verify=True)", "requests.get(url, timeout=10, verify=True)"),
        ("requests.get(url, timeout=None, **options)", "requests.get(url, timeout=10, **options)"),
        ("print('🎉', requests.get(url))", "print('🎉', requests.get(url, timeout=10))"),
        ("print(1); requests.get(url); print(2)", "print(1); requests.get(url, timeout=10); print(2)"),
        ("with (requests.get(url)) as x: pass", "with (requests.get(url, timeout=10)) as x: pass"),
    ],
)
def test_the_limit_joins_the_arguments(check_fix, before, after):
    head = "import requests\n\nurl = 'https://x'\noptions = {}\n"
    check_fix(f"{head}{before}\n", f"{head}{after}\n", "S113")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from requests import get\n\nget('x')\n", "from requests import get\n\nget('x', timeout=10)\n"),
        ("import requests as r\n\nr.get('x')\n", "import requests as r\n\nr.get('x', timeout=10)\n"),
        ("import httpx\n\nhttpx.get('x', timeout=None)\n", "import httpx\n\nhttpx.get('x', timeout=10)\n"),
        ("import httpx\n\nc = httpx.Client(timeout=None)\n", "import httpx\n\nc = httpx.Client(timeout=10)\n"),
    ],
)
def test_the_library_is_known_under_every_name(check_fix, before, after):
    check_fix(before, after, "S113")


def test_a_call_in_a_decorator_is_reached(check_fix):
    before = "import requests\n\n\n@print\n@map(requests.get('x'))\ndef f():\n    pass\n"
    check_fix(before, before.replace("'x'", "'x', timeout=10"), "S113")


@pytest.mark.parametrize("call", ["requests.get(url, **options)", "requests.get(*options)"])
def test_arguments_that_the_text_does_not_name_may_hold_a_limit(bench, call):
    found = bench.findings(f"import requests\n\nurl = ''\noptions = {{}}\n{call}\n", "S113")
    assert not [fix for finding in found for fix in finding.fixes]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("requests.get(url, verify=False)", "requests.get(url)"),
        ("requests.get(url, verify=False, timeout=5)", "requests.get(url, timeout=5)"),
        ("requests.get(verify=False, url=url)", "requests.get(url=url)"),
        ("requests.get(url, verify=False, **options)", "requests.get(url, **options)"),
        ("httpx.get(url, verify=False)", "httpx.get(url)"),
        ("c = httpx.Client(verify=False)", "c = httpx.Client()"),
        ("c = httpx.AsyncClient(\n    verify=False,\n)", "c = httpx.AsyncClient()"),
        (
            "requests.post(\n    url,\n    verify=False,  # why\n    timeout=5,\n)",
            "requests.post(\n    url,\n    timeout=5,\n)",
        ),
        (
            "requests.post(\n    url,\n    timeout=5,\n    verify=False,\n)",
            "requests.post(\n    url,\n    timeout=5,\n)",
        ),
        ("requests.post(\n    url,\n    timeout=5,\n    verify=False\n)", "requests.post(\n    url,\n    timeout=5\n)"),
    ],
)
def test_certificates_are_checked_again(check_fix, before, after):
    head = "import httpx\nimport requests\n\nurl = 'https://x'\noptions = {}\n"
    if "timeout" not in before and "httpx" not in before:
        before, after = (f"{text[:-1]}, timeout=5)" if "**" not in text else text for text in (before, after))
    check_fix(f"{head}{before}\n", f"{head}{after}\n", "S501", applicability="unsafe", note="REQUESTS_CA_BUNDLE")


def test_both_fixes_of_one_call_go_together(bench):
    before = "import requests\n\nrequests.get('x', verify=False)\nrequests.get('y')\n"
    assert bench.all_fixed(before, "S113") == (
        "import requests\n\nrequests.get('x', verify=False, timeout=10)\nrequests.get('y', timeout=10)\n"
    )
