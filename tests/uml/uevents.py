#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""uevents.py COMMAND...: run it, then print of each event that the kernel told
udev of a device-mapper device meanwhile: the action, the device's name, and
which of udev's rules are to be left out, in hexadecimal, as dmsetup
udevflags(8) takes it.  Ends as the command does.
"""
import socket
import subprocess
import sys

UEVENTS, KERNEL = 15, 1         # NETLINK_KOBJECT_UEVENT, and its group
RULES = 0xf                     # DM_UDEV_DISABLE_*_RULES_FLAG


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, UEVENTS) as heard:
        heard.bind((0, KERNEL))
        done = subprocess.run(sys.argv[1:], check=False)
        heard.setblocking(False)
        while True:
            try:
                text = heard.recv(1 << 16).decode()
            except BlockingIOError:
                break
            event = dict(line.split("=", 1) for line in text.split("\0")[1:]
                         if "=" in line)
            if "DM_COOKIE" in event:
                flags = int(event["DM_COOKIE"]) >> 16 & RULES
                print(event["ACTION"], event["DEVNAME"], f"{flags:x}")
    sys.exit(done.returncode)


main()
