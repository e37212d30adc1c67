"""docs/commands.md says what --help says."""

from tools.commands_docs import PAGE, page


def test_the_page_of_the_commands_is_current() -> None:
    """Whoever changes a command writes the page anew: python -m tools.commands_docs"""
    assert PAGE.read_text("utf-8") == page()
