"""What a model process is given, and what it is not."""

from codetune_core.engines.transformers.spawn import environment


def test_keys_stay_behind_and_the_network_is_off():
    own = {"PATH": "/bin", "HF_TOKEN": "t", "OPENAI_API_KEY": "k", "AWS_SECRET_ACCESS": "s", "HF_HUB_OFFLINE": "0"}
    assert environment(own, threads=0) == {
        "PATH": "/bin",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONFAULTHANDLER": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def test_the_plan_says_how_many_threads_compute():
    given = environment({"OMP_NUM_THREADS": "64"}, threads=2)
    assert (given["OMP_NUM_THREADS"], given["MKL_NUM_THREADS"]) == ("2", "2")
