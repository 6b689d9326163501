"""`venule serve` as a command; what it serves is tested in `serve`."""

from collections.abc import Callable

import pytest

from support.commands import Run


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("127.0.0.1", "Photographs stay on this computer."),
        ("localhost", "Photographs stay on this computer."),
        ("0.0.0.0", "Anyone with the address can see the photographs"),
    ],
)
def test_where_photographs_go_is_said_of_this_computer_and_of_others(
    venule: Run, monkeypatch: pytest.MonkeyPatch, host: str, said: str
) -> None:
    def serve(_: object, *, opened: Callable[[str], None], browser: bool) -> None:
        opened("http://here")

    monkeypatch.setattr("venule.serve.run.serve", serve)
    ran = venule("serve", "--host", host, "--no-browser")
    assert ran.code == 0, ran.err
    assert said in ran.err
    assert ("stay on" in ran.err) == ("stay on" in said)
