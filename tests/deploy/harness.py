"""Starts programs and waits for them. The scripts in this folder share it."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE_S = 120
# How long a program may take to stop by itself.
STOP_S = 20

# A SIGTERM ends the script by an exception, so that the script stops the programs that it started.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))


def say(text):
    print(text, flush=True)


def wait_until(what, check):
    """Waits until `check` returns a true value, and returns that value."""
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
    """A program and its child processes, until the `with` ends. If the `with` fails, the end of its log is shown."""

    def __init__(self, *command, **environment):
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
        self.command = command
        self.process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=self.log, stderr=self.log, start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        for how in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, how)
                self.process.wait(STOP_S)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        if failure:
            say(f"-- {' '.join(self.command)} printed last:\n{self.printed()[-4000:]}")

    def printed(self):
        with open(self.log.name) as log:
            return log.read()

    def wait_for(self, pattern):
        """Waits until the program prints a match of `pattern`, and returns the match."""
        return wait_until(pattern, lambda: self.is_running() and re.search(pattern, self.printed(), re.MULTILINE))

    def is_running(self):
        if self.process.poll() is not None:
            raise SystemExit(f"FAILED: {' '.join(self.command)} ended")
        return True
