"""Makes a Space what a plan says, and changes only what differs: each change starts it anew."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from codetune_core.access.keys import ADMIN_VARIABLE
from codetune_core.cli.space.plan import Plan
from codetune_core.errors import SettingsError

if TYPE_CHECKING:
    from huggingface_hub import HfApi, SpaceInfo

Say = Callable[[str], None]


def apply(hub: "HfApi", plan: Plan, say: Say) -> None:
    """Create the Space, or update its secrets, variables, volumes, hardware and sleep time."""
    found = _found(hub, plan.space)
    _expect_key(hub, plan, exists=found is not None)
    if plan.bucket:
        hub.create_bucket(plan.bucket, private=True, exist_ok=True)
    if found is None:
        _create(hub, plan)
        say(f"{plan.space} is created, on {plan.hardware}")
        return
    _set_environment(hub, plan, say)
    _set_volumes(hub, plan, say)
    _set_hardware(hub, plan, say)
    if found.private is not None and found.private == plan.public:
        hub.update_repo_settings(plan.space, repo_type="space", private=not plan.public)
        say(f"it is {'public' if plan.public else 'private'} now")


def _found(hub: "HfApi", space: str) -> "SpaceInfo | None":
    from huggingface_hub.errors import RepositoryNotFoundError  # noqa: PLC0415 - `--help` does not wait for it

    try:
        return hub.space_info(space)
    except RepositoryNotFoundError as error:
        if error.response.status_code == 401:  # noqa: PLR2004 - the Hub hides what a wrong token may not see
            raise SettingsError("the Hub does not accept the token: `hf auth login`, or set HF_TOKEN") from error
        return None


def _expect_key(hub: "HfApi", plan: Plan, *, exists: bool) -> None:
    """Raise SettingsError where the service would refuse to start, because nobody has a key to it."""
    known = set(plan.secrets) | (set(hub.get_space_secrets(plan.space)) if exists else set())
    if ADMIN_VARIABLE not in known:
        raise SettingsError(
            "the service needs a first key: run `codetune keys create --offline`, keep the key, and set "
            f"{ADMIN_VARIABLE} in your environment to the hash that it prints"
        )


def _create(hub: "HfApi", plan: Plan) -> None:
    from huggingface_hub import Volume  # noqa: PLC0415

    hub.create_repo(
        plan.space,
        repo_type="space",
        space_sdk="docker",
        private=not plan.public,
        space_hardware=plan.hardware,  # type: ignore[arg-type]  # the Hub knows more of them than the library
        space_sleep_time=plan.sleep_seconds,
        space_secrets=[{"key": name, "value": value} for name, value in plan.secrets.items()],
        space_variables=[{"key": name, "value": value} for name, value in plan.variables.items()],
        space_volumes=[Volume(**volume) for volume in plan.volumes] or None,
    )


def _set_environment(hub: "HfApi", plan: Plan, say: Say) -> None:
    # A secret cannot be read back, so it is always set.
    for name, value in plan.secrets.items():
        hub.add_space_secret(plan.space, name, value)
        say(f"secret {name} is set")
    there = {name: one.value for name, one in hub.get_space_variables(plan.space).items()}
    for name, value in plan.variables.items():
        if there.get(name) != value:
            hub.add_space_variable(plan.space, name, value)
            say(f"variable {name} is set")


def _set_volumes(hub: "HfApi", plan: Plan, say: Say) -> None:
    from huggingface_hub import Volume  # noqa: PLC0415

    there = hub.get_space_runtime(plan.space).volumes or []
    kept = [one for one in there if one.mount_path not in {volume["mountPath"] for volume in plan.volumes}]
    wanted = [*kept, *(Volume(**volume) for volume in plan.volumes)]
    if plan.volumes and [one.to_dict() for one in wanted] != [one.to_dict() for one in there]:
        hub.set_space_volumes(plan.space, wanted)
        say(f"{plan.bucket} is mounted")


def _set_hardware(hub: "HfApi", plan: Plan, say: Say) -> None:
    runtime = hub.get_space_runtime(plan.space)
    if (runtime.requested_hardware or runtime.hardware) != plan.hardware:
        hub.request_space_hardware(plan.space, plan.hardware, sleep_time=plan.sleep_seconds)  # type: ignore[arg-type]
        say(f"{plan.hardware} is requested")
    elif runtime.sleep_time != plan.sleep_seconds:
        hub.set_space_sleep_time(plan.space, plan.sleep_seconds)
        say(f"its time to sleep is {plan.sleep_seconds} s")
