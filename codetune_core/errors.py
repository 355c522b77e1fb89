"""The errors of CodeTune, one tree.

CodeTuneError
  SettingsError      what was written in a configuration cannot be used at all
  BaselineError      the baseline file cannot be read or written
  UnreadableFile     binary, not UTF-8, vanished, or not permitted
  DetectorError      a detector cannot do its work; the message says what to do
    DetectorMissing  its program is not installed
    DetectorTimeout  it did not answer within its time limit
  WorkerLost         a worker process died while it held the request
"""


class CodeTuneError(Exception):
    """Base of every error that CodeTune raises on purpose; its text is fit to be shown to a person."""


class SettingsError(CodeTuneError):
    """What was written in a configuration cannot be used at all."""


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
