"""The page of models says what the declarations say."""

from __future__ import annotations

from deployments.models_page import PAGE, page


def test_the_page_is_written_from_the_declarations() -> None:
    assert PAGE.read_text() == page(), "write it again: python -m deployments.models_page"
