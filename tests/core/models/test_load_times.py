"""How long models took to load is remembered, a few times each, and a broken file is no history."""

import pytest

from codetune_core.models.load_times import LoadTimes


@pytest.fixture
def times(tmp_path):
    return LoadTimes(tmp_path / "times")


def test_what_is_expected_is_the_median_of_the_last_five(times):
    assert times.expected("m", "nf4", "cpu") is None
    for seconds in (900, 1, 2, 3, 40, 50):
        times.note("m", "nf4", "cpu", seconds)
    assert times.expected("m", "nf4", "cpu") == 3


def test_each_model_quantization_and_device_has_its_own(times):
    times.note("m", "nf4", "cpu", 10)
    assert [
        times.expected(*other) for other in (("n", "nf4", "cpu"), ("m", "int8", "cpu"), ("m", "nf4", "cuda:0"))
    ] == [None] * 3


@pytest.mark.parametrize("content", ["", "{", '{"a": 1}', "7", '["x"]', "[]"])
def test_a_broken_file_is_no_history(times, tmp_path, content):
    times.note("m", "nf4", "cpu", 10)
    [path] = (tmp_path / "times").iterdir()
    path.write_text(content)
    assert times.expected("m", "nf4", "cpu") is None
    times.note("m", "nf4", "cpu", 20)
    assert times.expected("m", "nf4", "cpu") == 20


def test_what_cannot_be_written_is_said_once_and_harms_nobody(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    LoadTimes(tmp_path / "file").note("m", "nf4", "cpu", 10)
    assert "not remembered" in caplog.text
