"""A process of its own that serves, as `venule serve` starts it."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

PROGRAM = """
import sys
from venule.cli.main import main
sys.argv = ["venule", "serve", "--no-browser", *sys.argv[1:]]
main()
"""


@contextmanager
def served(*arguments: object, port: int = 0) -> Iterator[str]:
    """The address of a service that runs while the context does."""
    with served_process(*arguments, port=port) as (url, _):
        yield url


@contextmanager
def served_process(
    *arguments: object, port: int = 0
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The same, with its process."""
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments), "--port", str(port)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url.startswith("http://"), "the service did not start"
            _wait(url)
            yield url, process
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(url: str) -> None:
    address = url.removeprefix("http://").split("/")[0]
    for _ in range(300):
        try:
            with closing(http.client.HTTPConnection(address, timeout=5)) as connection:
                connection.request("GET", "/")
                connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")
