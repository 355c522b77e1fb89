"""Where tests for a module go, by the layouts that projects have, and by which name they import it."""

import pytest

from codetune_core.mending import tests_file


def placed(root, module, *files):
    """Path of the file of tests for a module of a project with these files."""
    for name in (module, *files):
        path = root / name.partition(":")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name.partition(":")[2])
    return tests_file.tests_file(root, root / module).relative_to(root).as_posix()


@pytest.mark.parametrize(
    ("module", "files", "place"),
    [
        ("bills.py", (), "tests/test_bills.py"),
        ("bills.py", ("tests/test_other.py",), "tests/test_bills.py"),
        ("bills.py", ("test/test_other.py",), "test/test_bills.py"),
        ("bills.py", ("test_other.py",), "test_bills.py"),
        ("bills.py", ("other_test.py",), "bills_test.py"),
        ("shop/bills.py", ("tests/test_other.py",), "tests/test_bills.py"),
        ("shop/bills.py", ("shop/tests/test_other.py", "tests/test_all.py"), "shop/tests/test_bills.py"),
        ("shop/bills.py", ("shop/other_test.py", "tests/test_all.py"), "shop/bills_test.py"),
        ("shop/api/bills.py", ("tests/shop/test_other.py",), "tests/shop/api/test_bills.py"),
        ("shop/api/bills.py", ("tests/api/test_other.py",), "tests/api/test_bills.py"),
        ("src/shop/api/bills.py", ("tests/api/test_other.py",), "tests/api/test_bills.py"),
        ("src/shop/bills.py", ("tests/test_other.py",), "tests/test_bills.py"),
        ("shop/bills.py", ("tests/bills_test.py",), "tests/bills_test.py"),
        ("shop/bills.py", ("tests/unit/test_bills.py:from shop.bills import a\n",), "tests/unit/test_bills.py"),
        ("shop/bills.py", ("tests/unit/test_bills.py:from other.bills import a\n",), "tests/test_bills.py"),
    ],
)
def test_tests_go_where_the_project_has_such(tmp_path, module, files, place):
    assert placed(tmp_path, module, *files) == place


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("bills.py", "bills"),
        ("shop/bills.py", "shop.bills"),
        ("src/shop/bills.py", "shop.bills"),
        ("shop/__init__.py", "shop"),
        ("my-scripts/bills.py", ""),
        ("1.py", ""),
    ],
)
def test_the_name_by_which_tests_import_a_module(tmp_path, path, name):
    assert tests_file.imported_as(tmp_path, tmp_path / path) == name
