"""Runs code in a process that has no network and no home, and tells what it tried."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# Sockets within the computer (AF_UNIX) stay: multiprocessing uses them.
_WATCH = """
import json, socket, sys
tried = []
def watch(event, arguments):
    local = event == "socket.__new__" and arguments[1] == getattr(socket, "AF_UNIX", None)
    if event.startswith("socket.") and not local and event != "socket.gethostname":
        tried.append(event)
        raise OSError("no network here: " + event)
sys.addaudithook(watch)
import atexit
atexit.register(lambda: print("TRIED", json.dumps(tried), flush=True))
"""


@dataclass(frozen=True)
class Offline:
    """A process's exit code, output, attempts at the network, and files it left at home."""

    code: int
    out: str
    err: str
    tried: list[str]
    left: list[str]


def run_offline(code: str, *arguments: object, home: Path) -> Offline:
    """Run `code` where every use of the network fails and `home`, made here, is the home folder."""
    home.mkdir()
    folders = {
        name: str(home) for name in ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME")
    }
    # Some telemetry keeps quiet under continuous integration; it must be quiet elsewhere too.
    quiet = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY", "PYTEST_CURRENT_TEST")
    ambient = {key: value for key, value in os.environ.items() if key not in quiet}
    done = subprocess.run(
        [sys.executable, "-c", _WATCH + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**ambient, **folders},
        cwd=home.parent,
        check=False,
    )
    out, _, tried = done.stdout.rpartition("TRIED ")
    left = sorted(str(path.relative_to(home)) for path in home.rglob("*"))
    return Offline(done.returncode, out, done.stderr, json.loads(tried), left)
