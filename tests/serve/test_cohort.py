import csv
from io import StringIO

import pytest
from fastapi.testclient import TestClient
from scipy.stats import percentileofscore

from serve.conftest import BASE, DOOR, LINK, Finish, client_of
from venule.analysis.columns import Cell
from venule.measure import repeatability
from venule.measure.repeatability import Repeatability
from venule.serve.app import About, create_app
from venule.serve.cohort import Cohort, Cohorts, Place
from venule.serve.items import Item
from venule.serve.service import Service


def test_a_place_is_the_share_of_lower_values_with_ties_counted_half() -> None:
    values = [1.0, 2.0, 2.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    cohort = Cohort({"density": f"{value}"} for value in values)
    for value in (0.0, 1.0, 2.0, 5.5, 9.0, 12.0):
        place = cohort.place("density", value)
        assert place is not None
        assert place.size == 11
        wanted = percentileofscore(values, value, "mean") / 100
        assert place.below == pytest.approx(wanted)


def test_of_few_photographs_and_of_words_there_is_no_place() -> None:
    few = Cohort({"a": number} for number in range(9))
    assert few.place("a", 3) is None
    many = Cohort({"a": number, "eye": "left"} for number in range(30))
    assert many.place("a", "nan") is None
    assert many.place("eye", "left") is None
    assert many.place("b", 3) is None


def test_what_is_known_of_pixels_holds_for_micrometres_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {
        "width_px": Repeatability(0.9, 0.02, 0.055),
        "density": Repeatability(0.8, 0.05, 0.14),
        "bends_per_px": Repeatability(0.5, 0.2, 0.55),
    }
    monkeypatch.setattr(repeatability, "repeatability", lambda: known)
    assert repeatability.repeats("width_um") == known["width_px"]
    found = repeatability.repeats("bends_per_um")
    assert found is not None
    assert found.change == 0.55
    assert repeatability.repeats("density") == known["density"]
    assert repeatability.repeats("unknown_um") is None


def _listed(number: int) -> Item:
    def never(_: object) -> None:
        raise AssertionError

    known: dict[str, Cell] = {"vessel_density": f"0.{number:02}", "quality": "ok"}
    return Item(
        id=f"abcdefgh{number:02}",
        name=f"eye-{number}" if number else "=eye",
        open=never,  # type: ignore[arg-type]
        uploaded=False,
        grade="reject" if number == 19 else "ok",
        known=known if number < 18 else {},
    )


@pytest.fixture
def listed(service: Service) -> Service:
    service.listed = tuple(_listed(number) for number in range(20))
    service._items |= {item.id: item for item in service.listed}
    return service


def test_a_photograph_that_is_measured_anew_has_another_place_in_the_cohort() -> None:
    items = [_listed(number) for number in range(12)]
    cohorts = Cohorts(items)
    assert cohorts.now() is cohorts.now()
    assert cohorts.now().place("vessel_density", 0.5) == Place(1.0, 12)
    items[0].cells, items[0].complete = {"vessel_density": 0.9}, True  # it was corrected
    assert cohorts.now().place("vessel_density", 0.5) == Place(11 / 12, 12)


def test_the_table_holds_those_that_are_named_or_found(listed: Service) -> None:
    app = create_app(listed, about=About("green", {}), door=DOOR)
    client = TestClient(app, base_url=BASE)
    client.get(LINK)

    def rows(query: str) -> list[dict[str, str]]:
        answer = client.get(f"/api/measurements.csv?{query}")
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(StringIO(answer.text)))

    assert len(rows("")) == 20
    assert [row["id"] for row in rows("ids=abcdefgh03,abcdefgh01")] == ["eye-3", "eye-1"]
    assert [row["vessel_density"] for row in rows("search=eye-1")][:2] == ["0.01", "0.10"]
    assert rows("grade=reject") == [{"id": "eye-19", "quality": "reject"}]
    assert rows("ids=abcdefgh00")[0]["id"] == "'=eye"
    assert client.get("/api/measurements.csv?ids=nobody-there").status_code == 404


def test_a_table_of_any_number_of_photographs_is_posted_by_the_page_alone(service: Service) -> None:
    items = [_listed(100 + number) for number in range(5051)]
    service._items |= {item.id: item for item in items}
    client = client_of(service)
    ids = [item.id for item in items]
    answer = client.post("/api/measurements.csv", json={"ids": [*ids, ids[0]]})
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [row["id"] for row in rows] == [item.name for item in items]
    unknown = client.post("/api/measurements.csv", json={"ids": ["nobody-there"]})
    assert unknown.status_code == 404
    elsewhere = {"Origin": "http://evil.example"}
    refused = client.post("/api/measurements.csv", json={"ids": ids}, headers=elsewhere)
    assert refused.status_code == 403


def test_a_measured_photograph_has_its_place_among_those_of_the_folder(
    listed: Service, photograph: bytes, finish: Finish
) -> None:
    client = TestClient(create_app(listed, about=About("green", {}), door=DOOR), base_url=BASE)
    client.get(LINK)
    id = client.post("/api/photographs", content=photograph).json()["id"]
    finish(client, id, complete=True)
    table = client.get(f"/api/photographs/{id}/measurements").json()["values"]
    density = next(one for one in table if one["name"] == "vessel_density")
    others = [number / 100 for number in range(18)]
    assert density["cohort"] == 18
    wanted = percentileofscore(others, density["value"], "mean") / 100
    assert density["below"] == pytest.approx(wanted, abs=1e-4)
