# SPDX-License-Identifier: GPL-2.0-only
"""qemu-img as a second opinion: flat hashes, and replay on a copy."""
import hashlib
import os
import shutil
import subprocess

PIECE = 1 << 20


class Failed(Exception):
    """qemu-img would not read the image."""


def load():
    return shutil.which("qemu-img")


def run(*args):
    done = subprocess.run(("qemu-img",) + args, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Failed(done.stdout.strip())
    return done.stdout


def flat_sha256(path, scratch):
    """Check and convert an image; the hash of what came out."""
    run("check", "-f", "vhdx", path)
    raw = os.path.join(scratch, "flat")
    run("convert", "-f", "vhdx", "-O", "raw", path, raw)
    digest = hashlib.sha256()
    with open(raw, "rb") as flat:
        while piece := flat.read(PIECE):
            digest.update(piece)
    os.unlink(raw)
    return digest.hexdigest()


def replayed_sha256(path, scratch):
    """The same of a copy whose dirty log qemu-img was let to replay."""
    copy = os.path.join(scratch, "copy.vhdx")
    subprocess.run(("cp", "--sparse=always", path, copy), check=True)
    try:
        run("check", "-f", "vhdx", "-r", "all", copy)
        return flat_sha256(copy, scratch)
    finally:
        os.unlink(copy)
