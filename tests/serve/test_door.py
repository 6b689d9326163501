import re

import pytest
from fastapi.testclient import TestClient

from serve.conftest import BASE, client_of
from venule.serve.app import About, create_app
from venule.serve.door import Door
from venule.serve.service import Service


def _stranger(service: Service, door: Door | None = None, base: str = BASE) -> TestClient:
    """A client that has not opened the page."""
    return TestClient(create_app(service, about=About("green", {}), door=door), base_url=base)


def test_another_account_of_this_computer_gets_no_session(service: Service) -> None:
    client = _stranger(service)
    assert client.get("/openapi.json").status_code == 200
    assert client.get("/static/main.js").status_code == 200
    for page in ("/", "/?token=", "/?token=guess"):
        answer = client.get(page)
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
    assert client.get("/api/photographs").status_code == 401


def test_the_printed_link_starts_a_session_and_the_token_leaves_the_address(
    service: Service,
) -> None:
    door = Door()
    client = _stranger(service, door)
    answer = client.get(f"/?token={door.secret}&flat=", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?flat=")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert client.get("/").status_code == 200
    assert client.get("/?token=of-an-earlier-start").status_code == 200
    assert client.get("/api/photographs").status_code == 200


def test_the_link_on_a_browsers_command_line_is_valid_once(service: Service) -> None:
    door = Door()
    link = door.url_once().removeprefix(BASE)
    assert door.secret not in link
    user, onlooker = _stranger(service, door), _stranger(service, door)
    assert user.get(link).status_code == 200
    assert onlooker.get(link).status_code == 401
    assert user.get(link).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/health"),
        ("GET", "/api/photographs"),
        ("POST", "/api/photographs"),
        ("GET", "/api/photographs/abcdefghij"),
        ("GET", "/api/photographs/abcdefghij/image"),
        ("DELETE", "/api/photographs/abcdefghij"),
    ],
)
def test_every_other_route_needs_the_session(service: Service, method: str, path: str) -> None:
    client = _stranger(service)
    assert client.request(method, path).status_code == 401
    client.cookies.set("venule-8000", "guess", domain="127.0.0.1")
    assert client.request(method, path).status_code == 401


def test_the_secret_as_a_bearer_token_is_a_session_too(service: Service) -> None:
    door = Door()
    client = _stranger(service, door)
    headers = {"Authorization": f"Bearer {door.secret}"}
    assert client.get("/api/health", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1:9999", "127.0.0.1", "evil.example:8000", "", "a@b:8000"]
)
def test_another_host_is_refused(service: Service, host: str) -> None:
    client = _stranger(service)
    for path in ("/", "/static/main.js", "/api/health"):
        assert client.get(path, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_the_names_of_the_loopback_are_known(service: Service, host: str) -> None:
    assert _stranger(service).get("/openapi.json", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:8001"])
def test_another_origin_is_refused(client: TestClient, origin: str, photograph: bytes) -> None:
    headers = {"Origin": origin}
    assert client.post("/api/photographs", content=photograph, headers=headers).status_code == 403
    assert client.get("/api/photographs", headers=headers).status_code == 403


def test_the_own_origin_is_not_refused(client: TestClient, photograph: bytes) -> None:
    answer = client.post("/api/photographs", content=photograph, headers={"Origin": BASE})
    assert answer.status_code == 202


def test_requests_that_a_foreign_page_makes_are_refused(client: TestClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert client.get("/api/photographs", headers=headers).status_code == 403


def test_no_answer_allows_other_origins_or_inline_scripts(client: TestClient) -> None:
    for path in ("/", "/static/main.js", "/api/health", "/api/photographs/nothing-there", "/x"):
        headers = client.get(path).headers
        assert not [name for name in headers if name.startswith("access-control")]
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    page = client.get("/").text
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=", page)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/api/photographs/..%2f..%2fetc%2fpasswd",
        "/api/photographs/%2e%2e/image",
    ],
)
def test_no_path_leads_out_of_the_pages_own_files(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 422)
    assert "create_app" not in answer.text
    assert "root:" not in answer.text


def test_beyond_the_loopback_the_page_needs_the_token_once(service: Service) -> None:
    door = Door(host="0.0.0.0", port=8000)
    base = "http://192.0.2.7:8000"
    client = _stranger(service, door, base)
    assert client.get("/").status_code == 401
    assert client.get("/openapi.json").status_code == 401
    assert client.get("/?token=guess").status_code == 401
    answer = client.get(f"/?token={door.secret}")
    assert answer.status_code == 200
    assert str(answer.url) == f"{base}/"  # the token has left the address
    assert client.get("/api/photographs").status_code == 200


def test_beyond_the_loopback_a_foreign_name_is_refused(service: Service) -> None:
    client = _stranger(service, Door(host="0.0.0.0", port=8000), "http://evil.example:8000")
    assert client.get("/").status_code == 421


def test_each_start_has_a_secret_of_its_own() -> None:
    assert len({Door().secret for _ in range(3)}) == 3
    assert len(Door().secret) >= 40


def test_the_address_has_the_token() -> None:
    here = Door(port=9)
    assert here.url == f"http://127.0.0.1:9/?token={here.secret}"
    beyond = Door(host="192.0.2.7", port=9)
    assert beyond.url == f"http://192.0.2.7:9/?token={beyond.secret}"


def test_a_client_that_opened_the_page_is_known_to_no_other_service(service: Service) -> None:
    client = client_of(service)
    other = _stranger(service)
    other.cookies = client.cookies
    assert other.get("/api/health").status_code == 401
