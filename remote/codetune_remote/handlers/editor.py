"""What editors offer: all that a menu needs, in one answer."""

from codetune_core.domain.service_key import Scope
from codetune_core.prompts.editor import EDITOR_PROMPTS_PATH, EditorPrompts
from codetune_remote.route import Call, Route


async def offered(call: Call) -> EditorPrompts:
    """List the prompts that editors offer, by name, each with its version in production.

    Those are the active ones with a tag ``editor:``, the first 200. Who has everything here, such as the owner of the
    socket, is told what the service offers that this one has another one run.
    """
    core = call.service.core
    return await (core.offered() if call.principal.sees_everyone else core.prompts.offered())


ROUTES = (Route("GET", EDITOR_PROMPTS_PATH, offered, Scope.READ, "List what editors offer", reply=EditorPrompts),)
