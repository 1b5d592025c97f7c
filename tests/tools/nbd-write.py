#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""nbd-write.py DIR [SEED]: the nbdkit plugin writes; the seed is 1.

DIR is as tests/guest/inputs leaves it. $VHDXSETUP judges what the plugin leaves.

Copies of generated images, children and dirty ones among them, get writes,
zeroes and discards, several at a time by two connections, and nbdkit is killed in
their midst. After each kill the disk has what was flushed, and of what was not,
the old or the new content; a log is replayed in memory and then on disk. An
image that was closed is clean to vhdxsetup and to qemu-img.
"""
import json
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "gen"))
import manifest                 # noqa: E402
import nbdserver                # noqa: E402
from nbdserver import Server    # noqa: E402
from tap import Tap             # noqa: E402

MIB = 1 << 20
KILLS = 3
BATCHES = 10                    # between two kills
AT_ONCE = 8
IMAGES = ("dynamic", "fixed", "block-1m", "sectors-4096", "states",
          "size-off-block", "blocks-gaps", "disk2vhd",
          "child-alternating", "child-4096", "child-states",
          "child-stale-bits", "child-bits-clear", "child-of-fixed",
          "chain-three-sizes", "parent-shrunk-away", "log-everything",
          "log-bitmap", "log-whole-chain", "log-sectors-4096")


def vhdxsetup(*args):
    return subprocess.run([os.environ["VHDXSETUP"], *args], text=True,
                          capture_output=True, check=False)


def is_clean(path):
    """Do vhdxsetup and, of what it knows, qemu-img find nothing wrong?"""
    done = vhdxsetup("check", "--chain", path)
    if done.returncode not in (0, 10) or "error" in done.stderr:
        return f"check: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    about = json.loads(vhdxsetup("info", "--json", path).stdout)
    if about["disk"]["type"] == "differencing" or \
            about["disk"]["logical_sector_size"] != 512:
        return ""
    done = subprocess.run(["qemu-img", "check", "-f", "vhdx", path], text=True,
                          capture_output=True, check=False)
    return "" if not done.returncode else done.stdout + done.stderr


class Model:
    """What each sector may hold.

    What it held at the last flush and all that was written since may be there
    after a crash; until then, the last of these is."""

    def __init__(self, content, sector):
        self.sector = sector
        self.count = len(content) // sector
        self.content = content  # of sectors that are not in self.since
        self.since = {}         # sector -> the contents since the last flush

    def now(self, first, count):
        size, out = self.sector, bytearray()
        out += self.content[first * size:(first + count) * size]
        for i in range(first, first + count):
            if i in self.since:
                out[(i - first) * size:(i - first + 1) * size] = \
                    self.since[i][-1]
        return bytes(out)

    def _piece(self, data, i):
        return bytes(data[i * self.sector:(i + 1) * self.sector])

    def write(self, first, data):
        for i in range(len(data) // self.sector):
            at = first + i
            old = self.since.setdefault(at, [self._piece(self.content, at)])
            old.append(self._piece(data, i))

    def durable(self, sectors=None):
        """All of it, or some."""
        for at in list(self.since) if sectors is None else sectors:
            if at in self.since:
                self.content[at * self.sector:(at + 1) * self.sector] = \
                    self.since.pop(at)[-1]

    def crashed(self, found):
        """After a crash this was found: "" or what is wrong with it."""
        size = self.sector
        for at, may in self.since.items():
            piece = self._piece(found, at)
            if piece not in may:
                return f"sector {at}: none of its {len(may)} contents"
            self.content[at * size:(at + 1) * size] = piece
        self.since.clear()
        if found == self.content:
            return ""
        at = next(i for i in range(self.count)
                  if self._piece(found, i) != self._piece(self.content, i))
        return f"sector {at}: not what was flushed"


class Writer:
    """Requests at random, several at a time."""

    def __init__(self, rand, model, block):
        self.rand, self.model = rand, model
        self.block = block // model.sector
        self.tag = 0

    def _range(self, taken):
        """Sectors that no request under way has."""
        while True:
            first = self.rand.randrange(self.model.count)
            count = self.rand.choice((1, 1, 3, 8, 100, 300))
            if not self.rand.randrange(20):
                first -= first % self.block
                count = self.block * self.rand.randrange(1, 3)
            count = min(count, self.model.count - first)
            if not any(first < b and a < first + count for a, b in taken):
                taken.append((first, first + count))
                return first, count

    def _data(self, first, count):
        self.tag += 1
        return b"".join(struct.pack("<QQ", self.tag, i) *
                        (self.model.sector // 16)
                        for i in range(first, first + count))

    def start(self, handle, taken):
        """One more request; its cookie, and what to do when it has ended."""
        import nbd              # pylint: disable=import-error
        first, count = self._range(taken)
        pos, size = (one * self.model.sector for one in (first, count))
        fua = nbd.CMD_FLAG_FUA if not self.rand.randrange(10) else 0
        kind = self.rand.randrange(8)
        if kind < 5:
            data = self._data(first, count)
            cookie = handle.aio_pwrite(nbd.Buffer.from_bytearray(
                bytearray(data)), pos, flags=fua)
        elif kind < 7:
            data = bytes(size)
            keep = nbd.CMD_FLAG_NO_HOLE if kind == 5 else 0
            cookie = handle.aio_zero(size, pos, flags=fua | keep)
        else:
            return self._trim(handle, first, count)
        self.model.write(first, data)
        return cookie, (range(first, first + count) if fua else ())

    def _trim(self, handle, first, count):
        """What it leaves is anybody's guess; zeros end the guessing."""
        size = self.model.sector
        handle.trim(count * size, first * size)
        for i in range(first, first + count):
            self.model.write(i, bytes(size))
        return handle.aio_zero(count * size, first * size), ()

    def batch(self, handles):
        taken, under_way = [], []
        for _ in range(AT_ONCE):
            handle = self.rand.choice(handles)
            under_way.append((handle, *self.start(handle, taken)))
        return under_way


def finish(model, under_way):
    for handle, cookie, fua in under_way:
        while not handle.aio_command_completed(cookie):
            handle.poll(-1)
        model.durable(fua)


def read_all(handle, size):
    return b"".join(handle.pread(min(MIB, size - at), at)
                    for at in range(0, size, MIB))


def life(path, rand, model, block, kill):
    """Serve, write, and end so or so."""
    with Server(path) as server:
        assert server.serves, server.said
        handles = [server.connect(), server.connect()]
        if handles[0].is_read_only():
            return "is read-only"
        if read_all(handles[0], len(model.content)) != model.content:
            return "written: not what the reader found"
        writer = Writer(rand, model, block)
        for _ in range(BATCHES):
            finish(model, writer.batch(handles))
            if not rand.randrange(4):
                rand.choice(handles).flush()
                model.durable()
            first = rand.randrange(model.count)
            count = min(200, model.count - first)
            if handles[1].pread(count * model.sector, first * model.sector) \
                    != model.now(first, count):
                return f"sector {first}: a read after writes"
        if kill:
            writer.batch(handles)
            server.kill()
        elif server.stop():
            return f"exit code {server.code}\n{server.said}"
        else:
            model.durable()
    return ""


def found(path, size):
    with Server(path, options=["-r"]) as server:
        assert server.serves, server.said
        return bytearray(read_all(server.connect(), size))


def lives(directory, case, flat, rand):
    """An image, killed again and again: "" or what is wrong."""
    with tempfile.TemporaryDirectory() as work:
        for name in [case["file"]] + [one["file"] if isinstance(one, dict)
                                      else one for one in case["parents"]]:
            shutil.copy(os.path.join(directory, name), work)
        path = os.path.join(work, case["file"])
        with open(flat, "rb") as source:
            model = Model(bytearray(source.read()), case["lss"])
        for _ in range(KILLS):
            why = life(path, rand, model, case["block_size"], True)
            why = why or model.crashed(found(path, len(model.content)))
            if why:
                return why
        why = life(path, rand, model, case["block_size"], False)
        if not why and found(path, len(model.content)) != model.content:
            why = "the clean image: another content"
        return why or is_clean(path)


def limited():
    """Files of this process get no longer than 16 MiB."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 * MIB, 16 * MIB))


def full(tap, work):
    """No room is an error that goes when there is room."""
    import nbd                  # pylint: disable=import-error
    path = os.path.join(work, "full.vhdx")
    vhdxsetup("create", "-q", "-s", "1G", path)
    with Server(path, before=limited) as server:
        handle, block, written = server.connect(), 2 * MIB, 0
        try:
            while written < 512:
                handle.pwrite(bytes([written + 1]) * MIB, written * block)
                written += 1
        except nbd.Error as error:
            tap.ok(error.errno in ("ENOSPC", 28), "no room is ENOSPC", error)
        tap.ok(2 < written < 8, "and comes when there is none", written)
        handle.flush()
        handle.pwrite(b"x" * MIB, 0)
        tap.ok(True, "what has its space is written")
        handle.trim(block, block)
        handle.pwrite(b"y" * MIB, 100 * block)
        tap.ok(handle.pread(512, 100 * block) == b"y" * 512,
               "what is discarded makes room")
        tap.ok(server.stop() == 0 and not is_clean(path),
               "and leaves a clean file", server.said)
    with Server(path, options=["-r"]) as server:
        handle = server.connect()
        got = [handle.pread(512, at * block)[:1] for at in (0, 1, 2, 100)]
        tap.ok(got == [b"x", b"\0", b"\3", b"y"], "with all of it", got)


def reuse(tap, work):
    """A read that is under way never sees who got the space next."""
    import nbd                  # pylint: disable=import-error
    path = os.path.join(work, "reuse.vhdx")
    vhdxsetup("create", "-q", "-s", "1G", path)
    block, wrong = 2 * MIB, 0
    with Server(path, before=limited) as server:
        writer, readers = server.connect(), [server.connect()
                                             for _ in range(3)]
        for at in range(4):
            writer.pwrite(bytes([at + 1]) * block, at * block)
        for at in range(4, 204):
            old = at - 4
            bufs = [nbd.Buffer(block) for _ in readers]
            cookies = [one.aio_pread(buf, old * block)
                       for one, buf in zip(readers, bufs)]
            writer.trim(block, old * block)
            writer.pwrite(bytes([at % 250 + 1]) * block, at * block)
            for one, cookie, buf in zip(readers, cookies, bufs):
                while not one.aio_command_completed(cookie):
                    one.poll(-1)
                wrong += bool(set(buf.to_bytearray()) - {0, old % 250 + 1})
        server.stop()
    tap.ok(not wrong, "no read sees who got its space next", wrong)


def sharing(tap, work):
    """Who may have the image meanwhile, and when it is clean."""
    path, copy = (os.path.join(work, name) for name in ("a.vhdx", "b.vhdx"))
    vhdxsetup("create", "-q", "-s", "64M", path)
    before = os.stat(path).st_mtime_ns
    with Server(path) as server:
        handle = server.connect()
        tap.ok(os.stat(path).st_mtime_ns == before,
               "a client that writes nothing changes nothing")
        tap.ok(vhdxsetup("check", path).returncode == 7,
               "nobody reads what is written")
        with Server(path, options=["-r"]) as other:
            tap.ok(not other.serves and "locked" in other.said,
                   "nor serves it", other.said)
        handle.pwrite(b"a" * 512, MIB)
        handle.flush()
        shutil.copy(path, copy)
        said = vhdxsetup("check", copy).stdout
        tap.ok("its log must be replayed" in said, "a flush is in the log",
               said)
        with Server(copy, options=["-r"]) as other:
            tap.ok(other.connect().pread(512, MIB) == b"a" * 512, "and can be read")
        handle.shutdown()
        server.handles.clear()
        until = time.monotonic() + nbdserver.PATIENCE
        while is_clean(copy) and time.monotonic() < until:
            shutil.copy(path, copy)
        tap.ok(not is_clean(copy), "with its writer gone, a file is clean")
    with Server(path, options=["-r"]) as server:
        tap.ok(server.connect().is_read_only() and
               vhdxsetup("check", path).returncode == 0,
               "others read what is read")


def unsafe(tap, directory, work):
    """What reads right and is not safe to write is read."""
    for case in manifest.load(directory, "evil.json"):
        if case["severity"] != "read-only":
            continue
        path = os.path.join(work, case["file"])
        shutil.copy(os.path.join(directory, case["file"]), path)
        for name in case["parents"]:
            shutil.copy(os.path.join(directory, name), work)
        before = os.stat(path).st_mtime_ns
        with Server(path) as server:
            only = server.serves and server.connect().is_read_only()
            server.stop()
            tap.ok(only and os.stat(path).st_mtime_ns == before,
                   f"not safe to write: {case['name']}", server.said)


def main():
    tap = Tap()
    tap.run("the plugin is there", nbdserver.demand)
    if not tap.passed:
        return tap.finish()
    rand = random.Random(sys.argv[2] if len(sys.argv) > 2 else "1")
    tree, flat = (os.path.join(sys.argv[1], name) for name in ("tree", "flat"))
    good = os.path.join(tree, "good")
    cases = {case["name"]: case
             for case in manifest.load(good, "manifest.json")}
    with tempfile.TemporaryDirectory() as work:
        sharing(tap, work)
        full(tap, work)
        reuse(tap, work)
        unsafe(tap, os.path.join(tree, "evil"), work)
    for name in IMAGES:
        tap.run(f"killed and clean: {name}", lambda: lives(
            good, cases[name], os.path.join(flat, "good", name), rand))
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
