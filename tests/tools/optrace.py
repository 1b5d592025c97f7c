# SPDX-License-Identifier: GPL-2.0-only
"""What a program does to its files, and what a crash of the machine leaves.

record() runs a program under strace(1). crash() applies the first operations to
files in memory: what was flushed is there, and of what was not, all, none or
some is. crashes() judges what each crash leaves.
"""
import hashlib
import os
import re
import shutil
import subprocess

from tap import Lack

SECTOR = 512
CALLS = "pwrite64,fdatasync,fsync,fallocate,ftruncate,unlink,rename"
LINE = re.compile(r'^\d+ +(\w+)\((.*)\) += (-?\d+)')
FILE = re.compile(r'^\d+<(.*?)>, ?|^\d+<(.*?)>$')
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
KEEP, PUNCH, ZERO = 1, 2, 16


def unhex(text):
    return bytes.fromhex(text.replace("\\x", ""))


def path_of(args):
    """The file of the first argument, and what follows it."""
    match = FILE.match(args)
    path = match.group(1) or match.group(2)
    return unhex(path).decode() if "\\x" in path else path, \
        args[match.end():]


def operation(call, args):
    """(what, path, offset, data or length), or None."""
    if call in ("unlink", "rename"):
        names = [unhex(name).decode() for name in STRING.findall(args)]
        return (call, names[0], 0, names[-1])
    path, rest = path_of(args)
    if call in ("fdatasync", "fsync"):
        return ("flush", path, 0, None)
    if call == "pwrite64":
        data = unhex(STRING.match(rest).group(1))
        length, offset = rest[rest.rindex('"') + 2:].split(", ")
        assert len(data) == int(length), "strace cut it"
        return ("write", path, int(offset), data)
    if call == "ftruncate":
        return ("size", path, int(rest), None)
    mode, offset, length = rest.split(", ")
    flags = sum(value for name, value in (
        ("KEEP_SIZE", KEEP), ("PUNCH_HOLE", PUNCH), ("ZERO_RANGE", ZERO))
        if name in mode)
    if flags & (PUNCH | ZERO):
        return ("write", path, int(offset), bytes(int(length)))
    return ("extend", path, int(offset) + int(length), None) \
        if not flags & KEEP else None


def record(command, directory):
    """The operations of a program that ends well, in order."""
    if not shutil.which("strace"):
        raise Lack("strace is not installed")
    log = os.path.join(directory, "strace")
    done = subprocess.run(
        ["strace", "-f", "-y", "-xx", "-s", str(1 << 26), "-e", "trace=" + CALLS,
         "-o", log, *command], check=False, capture_output=True, text=True,
        env={**os.environ, "LSAN_OPTIONS": "detect_leaks=0"})
    assert done.returncode == 0, done.stderr
    result = []
    with open(log, encoding="ascii") as lines:
        for line in lines:
            match = LINE.match(line)
            if not match or int(match.group(3)) < 0:
                continue
            one = operation(match.group(1), match.group(2).strip())
            result += [one] if one else []
    os.unlink(log)
    return result


def put(blob, offset, data):
    blob.extend(bytes(max(0, offset + len(data) - len(blob))))
    blob[offset:offset + len(data)] = data


def apply(blob, what, offset, data, keep):
    """One operation; of a write, the sectors for which keep() says so."""
    if what == "size":
        del blob[offset:]
        blob.extend(bytes(offset - len(blob)))
    elif what == "extend":
        blob.extend(bytes(max(0, offset - len(blob))))
    else:
        for at in range(0, len(data), SECTOR):
            if keep():
                put(blob, offset + at, data[at:at + SECTOR])


def crash(start, log, loss, rng):
    """The files, {path: bytes}, after a crash behind the last operation.

    loss says what of the operations since a file's last flush is gone.
    """
    last = {one[1]: at for at, one in enumerate(log) if one[0] == "flush"}
    files = {path: bytearray(data) for path, data in start.items()}
    gone = set()
    for at, (what, path, offset, data) in enumerate(log):
        if what == "unlink":
            files.pop(path, None)
        elif what == "rename":
            files[data] = files.pop(path)
        if what in ("unlink", "rename"):
            gone.add(path)
        if what in ("unlink", "rename", "flush") or path in gone:
            continue
        # A new file is there as soon as something is in it.
        files.setdefault(path, bytearray())
        # A tool of journalling file systems: a size is there with its inode.
        durable = at < last.get(path, -1) or loss == "none"
        if what in ("size", "extend") or durable:
            apply(files[path], what, offset, data, lambda: True)
        elif loss == "some":
            whole = rng.random() < 0.5
            apply(files[path], what, offset, data,
                  lambda: whole or rng.random() < 0.5)
    return {path: bytes(data) for path, data in files.items()}


def hash_of(files):
    return hashlib.sha256(repr(sorted(
        (path, hashlib.sha256(data).digest())
        for path, data in files.items())).encode()).digest()


def crashes(tap, name, start, log, rng, judge, least=(20, 20)):
    """A crash behind each operation, with what it may lose: two tests.

    judge takes the files that are left, and says what is wrong with them. There
    must be more operations and more crashes than the two numbers of least.
    """
    bad, states = [], set()
    for count in range(len(log) + 1):
        for loss in ("none", "all", "some", "some", "some"):
            files = crash(start, log[:count], loss, rng)
            key = hash_of(files)
            if key in states:
                continue
            states.add(key)
            why = judge(files)
            if why:
                bad.append(f"after {count} operations of {len(log)}, losing "
                           f"{loss}: {why}")
    tap.ok(len(log) > least[0] and len(states) > least[1],
           f"{name}: {len(log)} operations, {len(states)} crashes")
    tap.ok(not bad, f"{name}: each of them leaves the disk as it was",
           "\n".join(bad[:10]))
