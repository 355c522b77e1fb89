"""The errors of CodeTune, one tree.

CodeTuneError
  SettingsError      what was written in a configuration cannot be used at all
    NobodyAnswers    no model is set or found; ``ways`` say what can be done
  BaselineError      the baseline file cannot be read or written
  UnreadableFile     binary, not UTF-8, vanished, or not permitted
  DetectorError      a detector cannot do its work; the message says what to do
    DetectorMissing  its program is not installed
    DetectorTimeout  it did not answer within its time limit
  WorkerLost         a worker process died while it held the request
    WorkerSilent       it gave no answer in its time
  DaemonError        the daemon cannot be started or used; the message says what to do
  PluginError        a plugin cannot be loaded, or failed
    NoSuchPlugin     none has that name
  StorageError       the database cannot do what was asked; the message says what to do
    DatabaseUnreachable  its server does not answer
    SchemaMismatch   it is older or newer than this CodeTune
    MigrationFailed  it stays as it was
  PromptError        the prompt library cannot do what was asked
    PromptNotFound   no prompt, version or label of that name
    NameTaken        an active prompt has that name
    IdenticalVersion the wording is that of a version that exists
    LedgerMoved      somebody else deployed in the meantime
    PromptChanged    somebody else described it anew in the meantime
    PromptFileError  a file is not a prompt
    RenderError      the variables do not fit the template
  AccessError        a key of the service cannot be made as asked
    KeyRefused       a key is not accepted; the message says why as far as it may
  ExecutionError     an execution failed; its ``kind`` is recorded
    EngineTimeout    it did not answer in time
    EngineOverloaded it takes no more requests now
    EngineRefused    it does not want to answer this
      EngineUnusable it answers nothing until its key, account or settings are put in order
      OutboundRefused  it was not asked, because that may not leave this machine
    EngineLost       it died or hung up
    ContextTooLong   the prompt does not fit the model
    InvalidOutput    the answer does not fill the schema
    InvalidInput     the variables do not fit what the version declares
    BudgetSpent      the day's budget is used up
    ExecutionCancelled  it was stopped from elsewhere
"""


class CodeTuneError(Exception):
    """Base of every error that CodeTune raises on purpose; its text is fit to be shown to a person."""


class SettingsError(CodeTuneError):
    """What was written in a configuration cannot be used at all."""


class NobodyAnswers(SettingsError):  # noqa: N818 - the name says what is wrong
    """No model is set or found: ``why`` in a few words, and ``ways`` out of it, a few words and a command each."""

    def __init__(self, why: str, *ways: str) -> None:
        super().__init__("; ".join((why, *ways)))
        self.why, self.ways = why, ways


class BaselineError(CodeTuneError):
    """The baseline file cannot be read or written."""


class UnreadableFile(CodeTuneError):  # noqa: N818 - the name says what is wrong with the file
    """Binary, not UTF-8, vanished, or not permitted."""


class DetectorError(CodeTuneError):
    """A detector cannot do its work; the message says what to do."""


class DetectorMissing(DetectorError):  # noqa: N818
    """Its program is not installed."""


class DetectorTimeout(DetectorError):  # noqa: N818
    """It did not answer within its time limit."""


class WorkerLost(CodeTuneError):  # noqa: N818
    """A worker process died while it held the request."""


class WorkerSilent(WorkerLost):
    """A worker process, or a detector in one that runs in the background, gave no answer in its time."""


class DaemonError(CodeTuneError):
    """The daemon cannot be started or used; the message says what to do."""


class PluginError(CodeTuneError):
    """A plugin cannot be loaded, or failed; the message says why."""


class NoSuchPlugin(PluginError):  # noqa: N818
    """None has that name."""


class StorageError(CodeTuneError):
    """The database cannot do what was asked; the message says what to do."""


class DatabaseUnreachable(StorageError):  # noqa: N818
    """Its server does not answer."""


class SchemaMismatch(StorageError):  # noqa: N818
    """It is older or newer than this CodeTune."""


class MigrationFailed(StorageError):  # noqa: N818
    """It stays as it was."""


class PromptError(CodeTuneError):
    """The prompt library cannot do what was asked."""


class PromptNotFound(PromptError):  # noqa: N818
    """No prompt, version or label of that name."""


class NameTaken(PromptError):  # noqa: N818
    """An active prompt has that name."""


class IdenticalVersion(PromptError):  # noqa: N818
    """The wording is that of a version that exists: ``number``."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


class LedgerMoved(PromptError):  # noqa: N818
    """Somebody else deployed in the meantime."""


class PromptChanged(PromptError):  # noqa: N818
    """Somebody else described it anew in the meantime."""


class PromptFileError(PromptError):
    """A file is not a prompt."""


class RenderError(PromptError):
    """The variables do not fit the template."""


class AccessError(CodeTuneError):
    """A key of the service cannot be made as asked."""


class KeyRefused(AccessError):  # noqa: N818
    """A key is not accepted; the message says why as far as it may."""


class ExecutionError(CodeTuneError):
    """An execution failed; ``kind`` is what is recorded."""

    kind = "internal"


class EngineTimeout(ExecutionError):  # noqa: N818
    """The engine did not answer in time."""

    kind = "timeout"


class EngineOverloaded(ExecutionError):  # noqa: N818
    """The engine takes no more requests now; ``retry_after`` is the seconds after which it asks to be tried again."""

    kind = "overloaded"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EngineRefused(ExecutionError):  # noqa: N818
    """The engine does not want to answer this."""

    kind = "refused"


class EngineUnusable(EngineRefused):
    """The engine answers nothing until its key, account, model or settings are put in order; the message says how."""


class OutboundRefused(EngineRefused):
    """It was not asked, because that may not leave this machine; the message says which rule of which file says so."""


class EngineLost(ExecutionError):  # noqa: N818
    """The engine died or hung up."""

    kind = "engine_lost"


class ContextTooLong(ExecutionError):  # noqa: N818
    """The prompt does not fit the model, and nothing more may be cut."""

    kind = "context_too_long"


class InvalidOutput(ExecutionError):  # noqa: N818
    """The answer does not fill the schema."""

    kind = "invalid_output"


class InvalidInput(ExecutionError):  # noqa: N818
    """The variables do not fit what the version declares."""

    kind = "invalid_input"


class BudgetSpent(ExecutionError):  # noqa: N818
    """The day's budget is used up."""

    kind = "budget_spent"


class ExecutionCancelled(ExecutionError):  # noqa: N818
    """It was stopped by something other than who asked."""

    kind = "cancelled"
