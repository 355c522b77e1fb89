"""YAML is read with the safe loader; for pickle only a person can choose."""

# ruff: noqa: E501 - tables with a text on each line

import pytest

LOADERS = ["yaml.Loader", "yaml.FullLoader", "yaml.UnsafeLoader", "yaml.CLoader", "yaml.BaseLoader", "yaml.CFullLoader"]


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    "call", ["yaml.load(text, Loader={})", "yaml.load(text, {})", "yaml.load(stream=text, Loader={})"]
)
def test_every_loader_becomes_the_safe_one(check_fix, call, loader):
    after = "yaml.safe_load(stream=text)" if "stream" in call else "yaml.safe_load(text)"
    before = f"import yaml\n\n\ndef f(text):\n    return {call.format(loader)}\n"
    check_fix(before, f"import yaml\n\n\ndef f(text):\n    return {after}\n", "S506", applicability="safe")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import yaml\n\nyaml.load(x)\n", "import yaml\n\nyaml.safe_load(x)\n"),
        ("import yaml as y\n\ny.load(x, Loader=y.Loader)\n", "import yaml as y\n\ny.safe_load(x)\n"),
        ("from yaml import load\n\nload(x)\n", "from yaml import load, safe_load\n\nsafe_load(x)\n"),
        (
            "from yaml import load as read, Loader\n\nread(x, Loader=Loader)\n",
            "from yaml import load as read, Loader, safe_load\n\nsafe_load(x)\n",
        ),
        (
            "from yaml import (\n    FullLoader,\n    load,\n)\n\nload(x, Loader=FullLoader)\n",
            "from yaml import (\n    FullLoader,\n    load,\n    safe_load,\n)\n\nsafe_load(x)\n",
        ),
        ("def f(x):\n    import yaml\n    return yaml.load(x)\n", "def f(x):\n    import yaml\n    return yaml.safe_load(x)\n"),
        (
            "def f(x):\n    from yaml import load\n    return load(x)\n",
            "import yaml\n\n\ndef f(x):\n    from yaml import load\n    return yaml.safe_load(x)\n",
        ),
        ("import yaml\n\nx = dict(yaml.load(open('x').read(), yaml.Loader))['a']\n", "import yaml\n\nx = dict(yaml.safe_load(open('x').read()))['a']\n"),
        (
            "import yaml\n\nyaml.load(\n    x,  # the text\n    Loader=yaml.Loader,\n)\n",
            "import yaml\n\nyaml.safe_load(\n    x,  # the text\n)\n",
        ),
        ("import yaml\n\nyaml.load(\n    x,\n    Loader=yaml.Loader\n)\n", "import yaml\n\nyaml.safe_load(\n    x\n)\n"),
        ("import yaml\r\n\r\nyaml.load(x)\r\n", "import yaml\r\n\r\nyaml.safe_load(x)\r\n"),
        ("import yaml\n\nif x:\n\tyaml.load(x)  # 🎉\n", "import yaml\n\nif x:\n\tyaml.safe_load(x)  # 🎉\n"),
        ("import yaml\n\n'🎉', yaml.load(x)", "import yaml\n\n'🎉', yaml.safe_load(x)"),
    ],
)  # fmt: skip
def test_the_layout_and_the_name_of_the_module_stay(check_fix, before, after):
    check_fix(before, after, "S506")


def test_a_file_with_tags_of_its_own_is_not_changed_without_asking(check_fix):
    before = "import yaml\n\nyaml.add_constructor('!x', print)\ny = yaml.load(open('x'), Loader=yaml.Loader)\n"
    after = "import yaml\n\nyaml.add_constructor('!x', print)\ny = yaml.safe_load(open('x'))\n"
    check_fix(before, after, "S506", applicability="unsafe", note="constructors of its own")


@pytest.mark.parametrize(
    "text",
    [
        "import yaml\n\n\ndef f(x, MyLoader):\n    yaml.load(x, Loader=MyLoader)\n",
        "import yaml\nimport own\n\nyaml.load(x, Loader=own.Loader)\n",
        "import yaml\n\nyaml.load(x, **options)\n",
        "import yaml\n\nyaml.load(*x)\n",
    ],
)
def test_a_loader_that_is_not_known_is_left(check_declined, text):
    check_declined(text, "S506")


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        ("import pickle\n\npickle.load(open('x'))\n", "S301"),
        ("from pickle import loads\n\nloads(x)\n", "S301"),
        ("import pickle as p\n\np.Unpickler(x)\n", "S301"),
        ("import shelve\n\nshelve.open('x')\n", "S301"),
        ("import dill\n\ndill.loads(x)\n", "S301"),
        ("import marshal\n\nmarshal.loads(x)\n", "S302"),
    ],
)
def test_pickle_is_explained(check_declined, call, rule):
    fixes = check_declined(call, rule)
    assert fixes[0].label == "How to fix: store the data as JSON, or sign it"
    assert "json.load" in fixes[0].note
