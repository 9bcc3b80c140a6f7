"""Sets the wall clock of one program under test: WallClock.environment() goes into its environment."""

import os
import struct
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


class WallClock:
    """The time of day as one program sees it. Its monotonic clock stays the machine's."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="boxoffice-clock-")
        self.path = os.path.join(self.folder.name, "shift")
        self.shim = os.path.join(self.folder.name, "shim_clock.so")
        self.set(0)
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-w", "-o", self.shim,
                        os.path.join(HERE, "shim_clock.c")], check=True)

    def environment(self):
        return {"LD_PRELOAD": self.shim, "CLOCK_FILE": self.path}

    def set(self, seconds):
        """So far from the machine's own time; at once, whoever is running."""
        mode = "r+b" if os.path.exists(self.path) else "w+b"
        with open(self.path, mode) as file:
            file.write(struct.pack("=q", int(seconds * 1000)))

    def close(self):
        self.folder.cleanup()
