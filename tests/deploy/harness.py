"""What the scripts beside it share."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time

PATIENCE_S = 120


def say(text):
    print(text, flush=True)


def wait_until(what, check):
    """Waits until `check` returns something, and returns that."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.2)
    raise SystemExit(f"FAILED: waited for {what}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A program that runs beside the script, and all that it starts. What it prints is in `log`."""

    def __init__(self, *command, **environment):
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
        self.command = command
        self.process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=self.log, stderr=self.log, start_new_session=True,
        )

    def printed(self):
        with open(self.log.name) as log:
            return log.read()

    def wait_for(self, pattern):
        """Waits until it prints what matches `pattern`, and returns the match."""

        return wait_until(pattern, lambda: self.is_running() and re.search(pattern, self.printed(), re.MULTILINE))

    def is_running(self):
        if self.process.poll() is not None:
            raise SystemExit(f"FAILED: {' '.join(self.command)} ended: {self.printed()[-2000:]}")
        return True

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()
