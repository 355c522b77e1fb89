"""Starts the service in a container: restores its database, serves, fetches weights, and keeps snapshots."""

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from codetune_core.cli.core import user_settings
from codetune_core.errors import CodeTuneError
from codetune_core.runtime.folder import runtime_folder
from codetune_core.storage.snapshots import Snapshots
from codetune_remote.container.environment import COMMIT, Environment, read_environment
from codetune_remote.container.keeper import Keeper
from codetune_remote.container.supervise import supervise
from codetune_remote.container.weights import Weights

_LOG = logging.getLogger("codetune_remote.container")


def main(arguments: Sequence[str]) -> int:
    """Run ``codetune serve`` with ``arguments`` until SIGTERM; return the exit code of the container."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s container: %(message)s")
    try:
        held = read_environment(user_settings())
        snapshots = _restored(held)
    except CodeTuneError as error:
        _LOG.error("%s", error)
        return 2
    with ExitStack() as stack:
        keeper = stack.enter_context(Keeper(snapshots, held.snapshot_seconds)) if snapshots else None
        if held.models:
            stack.enter_context(Weights(held.models, runtime_folder("codetune") / "weights.json"))
        variables = {**os.environ, COMMIT: held.commit}
        return supervise(("codetune", "serve", *arguments), variables, keeper.take_now if keeper else lambda: None)


def _restored(held: Environment) -> Snapshots | None:
    if held.snapshots is None or held.database is None:
        return None
    snapshots = Snapshots(held.snapshots, held.database)
    restored = snapshots.start()
    for damaged in restored.damaged:
        _LOG.error("the snapshot %s: an older one is restored", damaged)
    source = restored.manifest.file if restored.manifest else "nothing: the database is new, or was here already"
    _LOG.info("restored from %s; this is generation %d, %s", source, snapshots.generation, snapshots.instance)
    return snapshots


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
