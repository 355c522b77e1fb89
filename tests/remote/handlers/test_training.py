"""Records of LoRA tuning over HTTP."""

import math
from uuid import UUID, uuid4

from api_client import Api, people
from executions import NOW
from serving import on_socket, running, settings_for

from codetune_core.domain.identifiers import new_id
from codetune_core.domain.service_key import Scope
from codetune_core.tuning.config import Metric

CREATE = "POST /api/training/config"
SET_UP = {
    "name": "shop",
    "model": "Qwen2.5-Coder-1.5B",
    "dataset": "shop@3",
    "batch_size": 8,
    "learning_rate": 1e-4,
    "epochs": 2,
    "max_sequence_length": 1024,
    "warmup_steps": 10,
    "lora": {"rank": 8, "alpha": 16, "dropout": 0.1, "target_modules": ["q_proj", "v_proj"]},
    "seed": 7,
}
WRONG = [
    ({"name": ""}, "name"),
    ({"name": "a\0b"}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"model": ""}, "model"),
    ({"dataset": ""}, "dataset"),
    ({"batch_size": 0}, "batch_size"),
    ({"batch_size": 1.5}, "batch_size"),
    ({"learning_rate": 0}, "learning_rate"),
    ({"learning_rate": 2}, "learning_rate"),
    ({"epochs": 0}, "epochs"),
    ({"max_sequence_length": 0}, "max_sequence_length"),
    ({"warmup_steps": -1}, "warmup_steps"),
    ({"warmup_steps": 2**31}, "warmup_steps"),
    ({"seed": -1}, "seed"),
    ({"lora": {"rank": 0}}, "lora.rank"),
    ({"lora": {"rank": 1025}}, "lora.rank"),
    ({"lora": {"alpha": 0}}, "lora.alpha"),
    ({"lora": {"dropout": 1}}, "lora.dropout"),
    ({"lora": {"target_modules": []}}, "lora.target_modules"),
    ({"lora": {"target_modules": ["q", "q"]}}, "lora"),
    ({"lora": {"target_modules": ["a b"]}}, "lora.target_modules.0"),
    ({"lora": {"unheard": 1}}, "lora.unheard"),
    ({"unheard": 1}, "unheard"),
]


async def test_a_set_up_is_recorded_as_it_was_sent_and_what_is_left_out_is_told(admin):
    made = await admin.check(CREATE, 201, SET_UP)
    assert made["config"] == {**SET_UP, "model_revision": ""}
    assert await admin.check(f"GET /api/training/config/{made['id']}") == made
    least = await admin.check(CREATE, 201, {"name": "n", "model": "m", "dataset": "d"})
    assert least["config"]["lora"]["rank"] == 16


async def test_a_set_up_that_does_not_fit_is_refused_and_said_where(admin):
    for wrong, where in WRONG:
        problem = await admin.check(CREATE, 422, SET_UP | wrong)
        assert ".".join(map(str, problem["errors"][0]["loc"])) == where


async def test_what_is_not_there_is_not_found(admin):
    for name in (uuid4(), "x", "%00"):
        await admin.check(f"GET /api/training/config/{name}", 404)
        await admin.check(f"GET /api/training/metrics/{name}", 404)


async def test_measurements_come_by_step_and_process_page_by_page_also_while_some_are_added(database_url, tmp_path):
    async with running(settings_for(tmp_path, database_url)) as service, on_socket(service, tmp_path / "s") as client:
        admin, store = Api(client), service.core.training
        made = await admin.check(CREATE, 201, SET_UP)
        asked = f"GET /api/training/metrics/{made['id']}"

        def measured(step, rank=0, loss=1.0):
            return Metric(new_id(), step / 10, step, NOW, loss, None, rank)

        run = UUID(made["id"])
        assert await store.measured(run, [measured(step, rank) for step in (30, 10, 20) for rank in (1, 0)])
        assert not await store.measured(uuid4(), [measured(1)])
        page = await admin.check(asked, limit=3)
        await store.measured(run, [measured(5), measured(20), measured(40, loss=math.nan)])
        rest = await admin.pages(asked, limit=1, cursor=page["next"])
        assert [(each["step"], each["process_rank"]) for each in page["items"]] == [(10, 0), (10, 1), (20, 0)]
        # The second one of step 20 and process 0 was measured later, and comes after the first.
        assert [(each["step"], each["process_rank"]) for each in rest] == [(20, 0), (20, 1), (30, 0), (30, 1), (40, 0)]
        assert rest[-1]["train_loss"] is None
        assert page["items"][0] == {
            "epoch": 1.0,
            "step": 10,
            "at": "2026-03-04T12:00:00Z",
            "train_loss": 1.0,
            "eval_loss": None,
            "process_rank": 0,
        }
        assert {each["step"] for each in await admin.pages(asked, process_rank=1)} == {10, 20, 30}
        for query in ({"cursor": "x"}, {"cursor": "WzEsMl0"}, {"process_rank": -1}, {"limit": 0}):
            await admin.check(asked, 422, **query)


async def test_who_reads_sets_up_no_run(service):
    async with people(service, reader=(Scope.READ,), chief=(Scope.ADMIN,)) as known:
        await known["reader"].check(CREATE, 403, SET_UP)
        made = await known["chief"].check(CREATE, 201, SET_UP)
        assert (await known["reader"].check(f"GET /api/training/config/{made['id']}"))["created_by"] == "chief"
