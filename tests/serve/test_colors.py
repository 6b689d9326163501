import numpy as np
from fastapi.testclient import TestClient

from serve.conftest import Finish
from venule.analysis.vessel_colors import trace, vessel_colors
from venule.serve.service import Service


def test_vessels_are_coloured_by_what_is_measured(
    client: TestClient, service: Service, photograph: bytes, finish: Finish
) -> None:
    id = str(client.post("/api/photographs", content=photograph).json()["id"])
    finish(client, id)
    analysis = service.analysis(id)
    for measure in ("caliber", "tortuosity"):
        answer = client.get(f"/api/photographs/{id}/colors/{measure}")
        assert answer.status_code == 200
        wanted = vessel_colors(analysis, trace(analysis), measure)
        shape = int(answer.headers["X-Height"]), int(answer.headers["X-Width"])
        places = np.frombuffer(answer.content, np.uint8).reshape(shape)
        assert np.array_equal(places, wanted.places)
        assert float(answer.headers["X-High"]) == float(f"{wanted.high:.6g}")
        assert answer.headers["X-Unit"] == wanted.unit
    assert client.get(f"/api/photographs/{id}/colors/beauty").status_code == 422
