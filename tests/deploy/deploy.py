"""Deploys the built template to a third-party AWS emulator: as a new installation, and as an update of release 0.1.0.

    deploy.py SAM BUILD_DIR [RELEASE_0_1_0]

SAM is the command `sam`. BUILD_DIR holds the output of `sam build --parameter-overrides Architecture=<this machine's>`,
and RELEASE_0_1_0 the output of `.ci/package_0_1_0`. Without it, the update is not tested. The emulator, MiniStack
(PyPI), runs the real binaries.
"""

import sys
import tempfile

from emulator import Emulator
from harness import say
from install import install
from project import Receiver, serve_receiver
from update import update_from_0_1_0


def main():
    sam, build, *releases = sys.argv[1:]
    receiver_url = serve_receiver()
    with Emulator() as emulator:
        emulator.wait()
        install(emulator, sam, build, receiver_url)
    say("installed and used")
    for release_0_1_0 in releases:
        Receiver.received.clear()
        with Emulator() as emulator, tempfile.TemporaryDirectory() as folder:
            emulator.wait()
            update_from_0_1_0(emulator, sam, release_0_1_0, build, receiver_url, folder)
        say("updated from 0.1.0, rotated and deleted")


if __name__ == "__main__":
    main()
