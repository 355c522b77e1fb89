"""The id of the request that is worked on, which stands in the logs of all who take part in it."""

from contextvars import ContextVar

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""Empty outside of a request; what is begun for one has it, wherever it runs in this process."""
