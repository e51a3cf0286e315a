"""The exit codes of `cxr`, each decided here and listed in docs/reference/exit-codes.md."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended; `meaning` is the row of the docs."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "ExitCode":
        """A number with its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    SUCCESS = 0, "The command did what it was asked to do."
    ERROR = 1, "The command failed. The last lines of stderr say what was expected and what to do next."
    USAGE = 2, "The command was used wrongly: an unknown option, or a value out of range. Nothing was done."
    ALARM = 3, "`cxr audit` raised an alarm. The audit itself is complete."
    SOME_FILMS_FAILED = 4, "Some films could not be read, or got no class. The results of all others are complete."
    INTERRUPTED = 130, "The command was stopped with Ctrl-C."
    PIPE_CLOSED = 141, "The program that read the output, such as `head`, stopped reading, and the command ended."
    TERMINATED = 143, "The command was told to end (SIGTERM), and removed what it was writing."


def exit_code_of(*, done: int, failed: int) -> ExitCode:
    """The exit code of a command that works film by film.

    Args:
        done: number of films that have a result.
        failed: number of films that could not be read, or got no class.
    """
    if not failed:
        return ExitCode.SUCCESS
    return ExitCode.SOME_FILMS_FAILED if done else ExitCode.ERROR
