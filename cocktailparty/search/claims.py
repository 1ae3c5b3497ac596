"""One search at a time on a study: claims in its database, kept alive by a beat.

A search writes a claim of its own and then looks for others. Two that start at once see at least
one of each other, so that never both continue. A claim whose process is gone is ignored: on this
machine at once, on another one when its beat has not changed for a while. Clocks of different
machines are never compared.
"""

import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

_PREFIX = "search "
#: Seconds between two beats of a search.
BEAT = 5.0
#: Seconds without a beat after which the search of another machine counts as dead.
SILENCE = 30.0


class StudyInUseError(OSError):
    """Another search works on the study."""


class Claim:
    """Claim of one search to the study in a database that it works on."""

    def __init__(self, study: Any) -> None:
        self._study = study
        self._token = uuid.uuid4().hex
        self._entry: dict[str, Any] = {**_own_process(), "beat": 0, "working": False}
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._lost = ""

    def take(self) -> None:
        """Write the claim down, and wait until it is clear that no other search is at work.

        If one is, StudyInUseError is raised.
        """
        self._write()
        threading.Thread(target=self._keep_beating, daemon=True, name="claim").start()
        first: dict[str, tuple[float, int]] = {}  # when each was seen at first, with which beat
        while self._others_may_live(first):
            time.sleep(0.2)
        self._write(working=True)
        for key, entry in self._study.user_attrs.items():
            if not key.startswith(_PREFIX) or not entry:
                continue
            if key.removeprefix(_PREFIX) in first or _is_dead(entry):
                self._study.set_user_attr(key, None)

    def check(self) -> None:
        """Raise StudyInUseError if another search took this one for dead after a standstill."""
        if self._lost:
            raise StudyInUseError(self._lost)

    def drop(self) -> None:
        """Take the claim back."""
        self._ended.set()
        with self._writing, suppress(Exception):  # the process will soon be gone in any case
            self._study.set_user_attr(_PREFIX + self._token, None)

    def _others_may_live(self, first: dict[str, tuple[float, int]]) -> bool:
        """Tell whether to wait longer for signs of life of others; an error if one has priority."""
        waiting = False
        for token, entry in self._others().items():
            since, beat = first.setdefault(token, (time.monotonic(), entry["beat"]))
            same_machine = entry["machine"] == _machine()
            # Of two that start at once, the one with the smaller token continues.
            if (same_machine or entry["beat"] != beat) and (
                entry["working"] or token < self._token
            ):
                raise StudyInUseError(self._message(entry))
            silent = entry["beat"] == beat and time.monotonic() - since > SILENCE
            waiting |= same_machine or not silent
        return waiting

    def _keep_beating(self) -> None:
        while not self._ended.wait(BEAT):
            # A database that cannot be reached for a moment is asked again with the next beat.
            with suppress(Exception):
                working = [entry for entry in self._others().values() if entry["working"]]
                if working and self._entry["working"]:
                    self._lost = self._message(working[0])
                    return
                self._write()

    def _write(self, **changes: Any) -> None:
        with self._writing:
            if not self._ended.is_set():
                self._entry |= {"beat": self._entry["beat"] + 1, **changes}
                self._study.set_user_attr(_PREFIX + self._token, self._entry)

    def _others(self) -> dict[str, dict[str, Any]]:
        """Claims of other searches, except those whose process is known to be gone."""
        claims = {
            key.removeprefix(_PREFIX): entry
            for key, entry in self._study.user_attrs.items()
            if key.startswith(_PREFIX) and entry
        }
        return {
            token: entry
            for token, entry in claims.items()
            if token != self._token and not _is_dead(entry)
        }

    def _message(self, entry: dict[str, Any]) -> str:
        return (
            f"study {self._study.study_name!r} is being searched by process {entry['pid']} on "
            f"{entry['host']}: one search at a time works on a study. Wait for it, give it more "
            "workers (n_jobs, dask), or choose another folder or name"
        )


@contextmanager
def claimed(study: Any) -> Iterator[Claim]:
    """Work alone on a study in a database: the claim is to be checked now and then.

    StudyInUseError is raised if another search works on the study.
    """
    claim = Claim(study)
    try:
        claim.take()
        yield claim
    finally:
        claim.drop()


def _own_process() -> dict[str, Any]:
    pid = os.getpid()
    return {"machine": _machine(), "host": platform.node(), "pid": pid, "started": _started(pid)}


@cache
def _machine() -> str:
    """Identify what numbers its processes by itself: a machine or a container."""
    if os.name != "posix":  # where no process can be asked about harmlessly, only beats tell
        return uuid.uuid4().hex
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"  # that of a container is its own
    except OSError:  # beyond Linux
        return f"{platform.node()} {uuid.getnode()}"


def _started(pid: int) -> str:
    """When a process began, in a form that only tells it from others with its number."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def _is_dead(entry: dict[str, Any]) -> bool:
    """Tell whether the process of a claim, on this machine, is gone."""
    if entry["machine"] != _machine():
        return False
    try:
        os.kill(entry["pid"], 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False  # there is one, of another user
    return _started(entry["pid"]) != entry["started"]
