# SPDX-License-Identifier: GPL-2.0-only
"""nbdkit with the plugin under test, for the tests that talk to it.

$NBDKIT_PLUGIN is the plugin, tools/nbdkit-vhdx-plugin.so if it is not set: one
with sanitizers does not do, for under ASan no nbdkit comes to its end that has
said an errno.
"""
import os
import shutil
import subprocess
import tempfile
import time

from tap import Lack

PATIENCE = 60                   # seconds; only a hang takes that long


PLUGIN = os.path.abspath(os.environ.get("NBDKIT_PLUGIN") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)),
    "../../tools/nbdkit-vhdx-plugin.so"))


def demand():
    """Raises Lack if this host has not what the tests need."""
    if not shutil.which("nbdkit") or not shutil.which("nbdcopy"):
        raise Lack("nbdkit or libnbd-bin is not installed")
    try:
        import nbd              # pylint: disable=unused-import
    except ImportError:
        raise Lack("python3-libnbd is not installed") from None
    if not os.path.exists(PLUGIN):
        raise Lack("the plugin is not built: "
                   "nbdkit-plugin-dev is not installed")


class Server:
    """nbdkit that serves an image; as a context, it ends with that.

    `arguments` are the plugin's, `options` nbdkit's, and
    `before` is called in its process before it is nbdkit. `code` and `said` are its exit code and messages, once it has ended."""

    def __init__(self, *arguments, options=(), before=None):
        self.directory = tempfile.mkdtemp()
        self.socket = os.path.join(self.directory, "socket")
        self.uri = "nbd+unix:///?socket=" + self.socket
        self.log = os.path.join(self.directory, "log")
        self.code, self.said = None, ""
        self.handles = []
        pid = os.path.join(self.directory, "pid")
        with open(self.log, "wb") as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(
                ["nbdkit", "-f", "--exit-with-parent", "-U", self.socket,
                 "-P", pid, *options, PLUGIN, *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "LC_ALL": "C.UTF-8"}, preexec_fn=before)
        until = time.monotonic() + PATIENCE
        while not os.path.exists(pid) and self.process.poll() is None:
            if time.monotonic() > until:
                self.kill()
                raise TimeoutError("nbdkit does not start")
            time.sleep(0.005)
        self.serves = self.process.poll() is None
        if not self.serves:
            self._ended()

    def _ended(self):
        self.code = self.process.wait(PATIENCE)
        with open(self.log, encoding="utf-8", errors="replace") as source:
            self.said = source.read()
        shutil.rmtree(self.directory)

    def stop(self):
        """As a user would; returns the exit code. nbdkit waits for clients."""
        for handle in self.handles:
            handle.shutdown()
        self.handles = []
        if self.code is None:
            self.process.terminate()
            self._ended()
        return self.code

    def kill(self):
        """As a crash would."""
        self.handles = []
        if self.code is None:
            self.process.kill()
            self._ended()

    def connect(self):
        import nbd              # pylint: disable=import-error
        handle = nbd.NBD()
        handle.add_meta_context("base:allocation")
        # What the plugin itself says to a request is asked for.
        handle.set_strict_mode(0)
        handle.connect_unix(self.socket)
        self.handles.append(handle)
        return handle

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
