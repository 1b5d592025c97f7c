# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the tests of merging with a device in use. Sourced. Beside what lib.sh and
# guest/write/lib.sh offer:
#
#   $BASE, $CHILD    the usual two images
#   $MODEL           the model of the disk, see model.py
#   on_block COMMAND...   while $BASE is on a block device
#   $ANYWHERE        the option of "open" that $BASE is found by
#   opened SIZE [OPTION...]   v0, of a new $BASE that has something in it
#   child [NAME]     v0 goes on in $STORE/NAME.vhdx (child), which is written, too
#   closed DESC      no device and no image any more
#   files            the images that there are in files
#   base_and FILE... the same, if there are these and $BASE
#   is_base DESC     tests: v0 has $BASE alone, which reads the same opened anew
#   is_live DESC N   tests: v0 has N images, goes on in $CHILD, and the model holds
#   barred read|write   the locks of $BASE that nobody else can have now, of "flock",
#                    and of QEMU's bytes
#   is_guarded       whether nobody else may write $BASE
#   fails DESC CODE SENTENCE ARG...   a test: merge ARG... says why not

# shellcheck source=tests/uml/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/guest/write/lib.sh
. "$GUEST/write/lib.sh"

# shellcheck disable=SC2034 # for model
DEV=$dev
MODEL=$SCRATCH/model
BASE=$STORE/base.vhdx
CHILD=$STORE/child.vhdx
ANYWHERE=()

model() { "$GUEST/write/model.py" "$DEV" --sector "${SECTOR-512}" "$@"; }

# shellcheck disable=SC2034 # for who sources this
on_block() {
	low_open
	BASE=$LOW
	ANYWHERE=(--parents-anywhere)
	"$@"
	BASE=$STORE/base.vhdx
	ANYWHERE=()
	low_close
}

opened() {
	local size=$1

	shift
	[ ! -b "$BASE" ] || set -- --force "$@"
	new_image "$BASE" "$size" "$@"
	"$VHDXSETUP" open --quiet --bat-cache 64 "$BASE" v0 >/dev/null
	# What is cached of it gets old as the target writes it.
	[ ! -b "$BASE" ] || cat "$BASE" >/dev/null
	model --ops 30 --save "$MODEL" >/dev/null
}

child() {
	"$VHDXSETUP" snapshot --quiet v0 "$STORE/${1-child}.vhdx"
	model --ops 30 --save "$MODEL" >/dev/null
}

# The store lies in the guest's memory. Its file system keeps the room of files that
# were removed until it is trimmed.
closed() {
	exits "$1: close" 0 close v0
	rm -f "$STORE"/*.vhdx*
	fstrim "$STORE"
}

files() { (cd "$STORE" && shopt -s nullglob && echo *.vhdx*); }

# base_and FILE...: what files prints, if there are only these.
base_and() {
	[ -b "$BASE" ] || set -- base.vhdx "$@"
	echo "$@"
}

is_base() {
	local desc=$1 sum

	tap_is "$desc: the device has one image" "$(vhdx_status v0 layers)" 1
	tap_is "$desc: and is not suspended, nor is another table loaded" \
		"$(dmsetup info -c --noheadings -o suspended,tables_loaded v0)" \
		Active:Live
	tap_is "$desc: there is no other file" "$(files)" "$(base_and)"
	tap_run "$desc: it reads as the model says" model --check "$MODEL"
	sum=$(sum_of "$dev")
	exits "$desc: close" 0 close v0
	is_clean "$desc" "$BASE"
	reads_as "$desc" "$BASE" "$sum"
	[ ! -b "$BASE" ] || copy_reads_as "$desc" "$sum"
	exits "$desc: open" 0 open --quiet --bat-cache 64 "$BASE" v0
	tap_run "$desc: it is written" model --ops 20 --save "$MODEL"
}

# What is on the device, as qemu-img sees it in a file.
copy_reads_as() {
	local copy=$SCRATCH/copy.vhdx

	dd if="$BASE" of="$copy" bs=1M iflag=direct conv=sparse status=none
	is_clean "$1: a copy" "$copy"
	reads_as "$1: a copy" "$copy" "$2"
	rm "$copy"
}

is_live() {
	tap_is "$1: the device has $2 images" "$(vhdx_status v0 layers)" "$2"
	tap_is "$1: and is not suspended, nor is another table loaded" \
		"$(dmsetup info -c --noheadings -o suspended,tables_loaded v0)" \
		Active:Live
	tap_is "$1: and goes on in the child" \
		"$(status_field v0 '["image"]')" "$CHILD"
	tap_run "$1: it reads as the model says" model --check "$MODEL"
}

barred() {
	python3 - "$1" "$BASE" <<'END'
import fcntl, struct, sys
F_OFD_GETLK = 36
FLOCK = "hhqqi4x"
write = sys.argv[1] == "write"
file = open(sys.argv[2], "rb")
words = []
try:
    fcntl.flock(file, (fcntl.LOCK_EX if write else fcntl.LOCK_SH) |
                fcntl.LOCK_NB)
except BlockingIOError:
    words.append("flock")
kind = fcntl.F_WRLCK if write else fcntl.F_RDLCK
for byte in 201, 203:
    lock = fcntl.fcntl(file, F_OFD_GETLK,
                       struct.pack(FLOCK, kind, 0, byte, 1, 0))
    if struct.unpack(FLOCK, lock)[0] != fcntl.F_UNLCK:
        words.append(str(byte))
print(*words)
END
}

is_guarded() {
	if [ -b "$BASE" ]; then
		! python3 -c 'import os, sys
os.open(sys.argv[1], os.O_RDWR | os.O_EXCL)' "$BASE" 2>/dev/null
	else
		[ "$(barred write)" = "flock 201 203" ]
	fi
}

fails() {
	local desc=$1 code=$2 sentence=$3

	shift 3
	exits "$desc" "$code" merge "$@"
	says "$desc: says why" "$sentence"
}
