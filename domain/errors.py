"""What the house says no with.

- Refusal: a polite, expected no. The person reads the message template ``refusal.<code>``; nothing is logged as a defect.

Everything else that is raised is a defect: logged once with a reference number that the person also gets.
"""

from typing import Any


class Refusal(Exception):
    """An expected no. ``code`` names the template ``refusal.<code>``; ``facts`` fill it."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


def place(error: BaseException) -> str:
    """file:line where an exception was raised, without any value: what a log may say of a defect."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
