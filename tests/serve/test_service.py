import sys
import threading
import time
from dataclasses import replace

import pytest

from serve import conftest  # noqa: F401  skips the module if the service is not installed
from support.segmenters import green
from venule.analysis.analyse import Analysis, Networks, Step
from venule.analysis.columns import COLUMNS, Columns
from venule.serve.items import Item
from venule.serve.limits import Limits
from venule.serve.service import Service


def _done(service: Service, item: Item) -> Item:
    for _ in range(600):
        if service.get(item.id).state == "done":
            return item
        time.sleep(0.02)
    raise AssertionError(item.state)


def test_a_photograph_deleted_during_a_later_step_is_not_kept(photograph: bytes) -> None:
    began, goes_on, ended = (threading.Event() for _ in range(3))

    def slow(analysis: Analysis, _: Networks) -> Analysis:
        began.set()
        goes_on.wait(30)
        return replace(analysis)

    def next_one(analysis: Analysis, _: Networks) -> Analysis:
        ended.set()
        return analysis

    step = Step("slow", slow)
    service = Service(lambda: Networks(green(1)), later=(step,))
    deleted = service.add(photograph, "eye")
    assert began.wait(30)
    service.cancel(deleted.id)
    goes_on.set()
    service._later = (Step("next", next_one),)
    service.add(photograph, "another")
    assert ended.wait(30)  # so the one worker is done with the first photograph
    assert deleted.id not in service._kept
    assert deleted.analysis is None
    service.close()


def test_the_file_of_an_uploaded_photograph_is_released_after_it_was_read(
    photograph: bytes,
) -> None:
    service = Service(lambda: Networks(green(1)))
    content = bytes(bytearray(photograph))  # referenced here only
    before = sys.getrefcount(content)
    item = _done(service, service.add(content, "eye"))
    service.close()
    assert item.analysis is not None
    assert sys.getrefcount(content) == before


def test_a_photograph_that_is_forgotten_while_it_waits_leaves_the_queue(photograph: bytes) -> None:
    began, goes_on = threading.Event(), threading.Event()

    def networks() -> Networks:
        began.set()
        goes_on.wait(30)
        return Networks(green(1))

    service = Service(networks, limits=Limits(kept_photographs=2))
    service.add(photograph, "running")
    assert began.wait(30)
    for number in range(3):
        service.add(photograph, f"{number}")
    assert service.waiting == 2
    goes_on.set()
    service.close()


def test_a_new_photograph_is_kept_even_if_all_others_have_unsaved_corrections(
    photograph: bytes,
) -> None:
    service = Service(lambda: Networks(green(1)), limits=Limits(kept_photographs=2))
    for number in range(2):
        item = _done(service, service.add(photograph, f"{number}"))
        analysis = service.analysis(item.id)
        corrected = replace(analysis, corrected=frozenset({"vessels"}))
        assert service.replace(item.id, corrected, instead_of=analysis)
    new = service.add(photograph, "new")
    assert _done(service, new).name == "new"
    assert [one.name for one in service.uploads()] == ["new", "1"]
    service.close()


def test_the_table_holds_measurements_only_whatever_columns_a_report_has(
    photograph: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COLUMNS, "new", Columns(("new_column",), lambda _: {"new_column": 7}))
    service = Service(lambda: Networks(green(1)), groups=tuple(COLUMNS))
    item = service.add(photograph, "eye")
    deadline = time.monotonic() + 30
    while not item.complete and time.monotonic() < deadline:
        time.sleep(0.02)
    service.close()
    assert "vessel_density" in item.cells
    assert item.cells.keys() <= {*COLUMNS["measure"].more()}
