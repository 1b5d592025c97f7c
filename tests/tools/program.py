# SPDX-License-Identifier: GPL-2.0-only
"""$VHDXSETUP, the program that is tested: its runs, and its answers."""
import json
import os
import subprocess

HANGS = 3600


def run(*args, **more):
    """Run vhdxsetup; its exit code and messages."""
    done = subprocess.run([os.environ["VHDXSETUP"], *args], timeout=HANGS,
                          capture_output=True, check=False, text=True, **more)
    return done.returncode, done.stdout + done.stderr


def answer(*args):
    """Run vhdxsetup with --json; its document."""
    done = subprocess.run([os.environ["VHDXSETUP"], *args, "--json"],
                          timeout=HANGS, capture_output=True, check=False,
                          text=True)
    return json.loads(done.stdout)
