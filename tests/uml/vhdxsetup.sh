#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vhdxsetup with the module: open, close, status and list, what they refuse, and
# that nothing is left behind.

set -euo pipefail
# shellcheck source=tests/uml/lib.sh
. "$(dirname -- "$0")/lib.sh"

good=$IMAGES/good
real=$IMAGES/real

# same DESC NAME: the device reads as the flat content of an image.
same() {
	tap_run "$1" cmp -- "$dev" "$VHDX_INPUTS/flat/$2"
}

# --- Nothing there, and the module not either.
exits "list without devices" 0 list
tap_is "  is empty" "$TAP_OUTPUT" ""
tap_is "list --json too" "$("$VHDXSETUP" list --json | field '["devices"]')" "[]"
exits "status of nothing" 6 status v0
exits "close of nothing" 6 close v0

tap_run "the module can be unloaded" unload_module dm_vhdx
exits "open, the module not installed" 8 open "$good/dynamic.vhdx" v0
says "  says why" "module dm-vhdx is not built for this kernel, $(uname -r);"
says "  and what to do" "make deps && make && sudo make install"
gone "  and leaves nothing"

# install_module RELEASE: as `make install` would, in a tree of our own.
deps=()
for dep in $(modinfo -F depends "$VHDX_KO" | tr , ' '); do
	file=$(modinfo -n "$dep")
	[ ! -e "$file" ] || deps+=("$file")
done
install_module() {
	local modules=$SCRATCH/lib/modules/$1

	mkdir -p "$modules/updates"
	cp -- "$VHDX_KO" "${deps[@]}" "$modules/updates/"
	touch "$modules"/modules.{order,builtin,builtin.modinfo}
	depmod -b "$SCRATCH" "$1"
}

install_module 6.99.1-other
if mount --bind "$SCRATCH/lib/modules" /lib/modules; then
	exits "open, the module built for another kernel" 8 \
		open "$good/dynamic.vhdx" v0
	says "  says for which" \
		"not built for this kernel, $(uname -r), but for others: 6.99.1-other;"
	install_module "$(uname -r)"
	installed=/lib/modules/$(uname -r)/updates/dm-vhdx.ko
	sed -i 's/vermagic=[0-9]/vermagic=0/' "$installed"
	exits "open, the module of another kernel in this one's place" 8 \
		open "$good/dynamic.vhdx" v0
	says "  says so, in the kernel's words, too" \
		"is built for another kernel \(version magic .*make install"
	if strace -qqq -o /dev/null true 2>/dev/null; then
		for error in EKEYREJECTED ENOKEY; do
			tap_capture strace -f -qqq -o /dev/null \
				-e inject=finit_module,init_module:error=$error \
				"$VHDXSETUP" open "$good/dynamic.vhdx" v0
			tap_is "open, the kernel refusing signatures by $error" \
				"$TAP_STATUS" 8
			says "  says so, and what to do" \
				"is refused for its signature; sign it .*mokutil"
		done
		tap_capture strace -f -qqq -o /dev/null \
			-e inject=finit_module,init_module:error=EPERM \
			"$VHDXSETUP" open "$good/dynamic.vhdx" v0
		tap_is "open, where no module may be loaded" "$TAP_STATUS" 8
		says "  says so" "dm-vhdx may not be loaded here"
	else
		tap_skip "signatures that are refused" "no strace here"
	fi
	gone "  and all of them leave nothing"
	install_module "$(uname -r)"
	exits "open, the module installed" 0 open "$good/dynamic.vhdx" v0
	tap_run "  loads it" grep -q "^dm_vhdx " /proc/modules
	exits "  and close" 0 close v0
	umount /lib/modules
else
	tap_skip "autoload" "/lib/modules cannot be covered here"
fi
grep -q "^dm_vhdx " /proc/modules || load_module "$VHDX_KO"

# --- Open, look, close.
sum=$(sha256sum "$good/dynamic.vhdx")
exits "open" 0 open "$good/dynamic.vhdx" v0
tap_is "  prints the path, and nothing else" "$TAP_OUTPUT" "$dev"
tap_run "  the device is there" test -b "$dev"
tap_is "  for writing" "$(blockdev --getro "$dev")" 0
same "  with the right bytes" good/dynamic
tap_is "status: the image" "$(status_field v0 '["image"]')" \
	"$good/dynamic.vhdx"
tap_is "status: size" "$(status_field v0 '["virtual_size"]')" \
	$(($(image_sectors good/dynamic) * 512))
tap_is "status: images in the chain" \
	"$(status_field v0 '["target"]["images_in_chain"]')" 1
tap_is "status: the mode" "$(status_field v0 '["target"]["mode"]')" rw
tap_like "status: the store" "$(status_field v0 '["target"]["flags"]')" "direct"
tap_like "status: the UUID" "$(status_field v0 '["uuid"]')" \
	"^VHDX-[0-9a-f]{32}-v0$"
exits "status by path, in words" 0 status $dev
says "  the number of pages" "metadata pages: +[0-9]"
exits "list" 0 list
says "  has a line of headings" \
	"^NAME +DEVICE +SIZE +MODE +OPEN +PARENTS +IMAGE"
says "  name, number, size, mode, users, parents, image" \
	"v0 +[0-9]+:[0-9]+ +[0-9.]+ MiB +rw +0 +0 +$good/dynamic.vhdx\$"
exits "list, columns chosen" 0 list -o image,NAME
says "  in their order" "^IMAGE +NAME"
tap_like "list, without headings" "$("$VHDXSETUP" list -n -o name,open)" "^v0 +0$"
tap_is "list, columns chosen, as JSON" \
	"$("$VHDXSETUP" list --json -o image,name | field '["devices"]')" \
	"[{'image': '$good/dynamic.vhdx', 'name': 'v0'}]"
tap_is "list as JSON has all" \
	"$("$VHDXSETUP" list --json | field '["devices"][0]["mode"]')" rw

# --- Found by the image, and by any path of the node.
node=/dev/$(basename "$(realpath /sys/dev/block/"$(status_field v0 '["device"]')")")
[ -b "$node" ] || node=$dev
cd -- "$good"
ln -s "$good/dynamic.vhdx" "$SCRATCH/link"
for arg in "$good/dynamic.vhdx" dynamic.vhdx ./dynamic.vhdx "$SCRATCH/link" \
	"$node"; do
	tap_is "status by ${arg##*/}" "$(status_field "$arg" '["name"]')" v0
done
exits "status of an image without a device" 6 status "$good/fixed.vhdx"
says "  names it" "$good/fixed.vhdx: no device of this name, nor of this image"
exits "close by the image" 0 close ./dynamic.vhdx
gone "  takes it away"
for i in 0 1; do
	exits "open the image read-only as v$i" 0 open -q -r dynamic.vhdx v$i
done
exits "close by the image of two devices" 1 close dynamic.vhdx
says "  names both" "several devices: v[01], v[01]; name one"
tap_run "  and closes none" test -b /dev/mapper/v0 -a -b /dev/mapper/v1
exits "  close by the name" 0 close v1
exits "  leaves one" 0 close dynamic.vhdx
cd -- "$OLDPWD"

# --- A name that is picked.
exits "open without a name" 0 open -q -r "$good/dynamic.vhdx"
tap_is "  prints the first that is free" "$TAP_OUTPUT" /dev/mapper/vhdx0
tap_run "  which is there" test -b /dev/mapper/vhdx0
begin_open() { "$VHDXSETUP" open -q -r "$good/dynamic.vhdx" >"$SCRATCH/open$1" & }
for i in {1..8}; do
	begin_open "$i"
done
wait
tap_is "eight at once each get one of their own" \
	"$(sort "$SCRATCH"/open[1-8])" "$(printf '/dev/mapper/vhdx%d\n' {1..8})"
exits "  close of one of them" 0 close vhdx3
exits "  whose name is picked again" 0 open -q -r "$good/dynamic.vhdx"
tap_is "  for it is the first free one" "$TAP_OUTPUT" /dev/mapper/vhdx3
for i in {0..8}; do
	"$VHDXSETUP" close vhdx$i || tap_not_ok "  close vhdx$i"
done
exits "open" 0 open -q "$good/dynamic.vhdx" v0
exits "a name that is taken" 7 open "$good/fixed.vhdx" v0
for name in "" a/b . .. control "$(printf 'x%.0s' {1..128})" "my disk" "a\\b" é
do
	exits "a name that cannot be: \"${name:0:10}\"" 1 \
		open "$good/fixed.vhdx" "$name"
done
long=$(printf 'x%.0s' {1..126})
for i in 1 2; do
	exits "a name as long as can be ($i)" 0 open -q -r "$good/fixed.vhdx" $long$i
	tap_like "  its UUID leaves room for kpartx's" \
		"$(status_field $long$i '["uuid"]')" \
		"^VHDX-[0-9a-f]{32}-x{73}-[0-9a-f]{8}$"
done
for i in 1 2; do
	exits "  close" 0 close $long$i
done
exits "all that can be in a name" 0 open -q "$good/fixed.vhdx" "Az09#+.:=@_-"
tap_run "  is, as it is printed" test -b "$TAP_OUTPUT"
exits "  close" 0 close "Az09#+.:=@_-"
exits "one image under two names, one of which may write" 7 \
	open --readonly "$good/dynamic.vhdx" v1
says "  names the first" "is used by the device v0"
exits "close" 0 close v0

# --- What is asked of the kernel.
exits "open --debug" 0 open --debug --readonly "$good/dynamic.vhdx" v0
says "  says which table is loaded" \
	"debug: v0: loading a table, read-only: 0 $(image_sectors good/dynamic) vhdx /proc/self/fd/[0-9]+"
says "  and by which ioctls" "debug: libdevmapper: dm create v0 .*"
says "  all of them" "debug: libdevmapper: dm reload +v0 .*"
for verb in status stats list; do
	# shellcheck disable=SC2046 # none of a list
	exits "$verb --debug" 0 "$verb" --debug $([ "$verb" = list ] || echo v0)
	says "  says what is asked" "debug: libdevmapper: dm (table|status|names) "
done
exits "close --debug" 0 close --debug v0
says "  says what is removed" "debug: libdevmapper: dm remove +v0"
exits "open again" 0 open -q "$good/dynamic.vhdx" v0
exits "stats --debug" 0 stats --debug v0
says "  says what the target is told" "debug: v0: message .stats.: sent, answer .+"
exits "close" 0 close v0
tap_is "  what was not written to has not changed" \
	"$(sha256sum "$good/dynamic.vhdx")" "$sum"
exits "open --readonly" 0 open -q --readonly "$good/dynamic.vhdx" v0
tap_is "  the device is read-only" "$(blockdev --getro "$dev")" 1
tap_is "  status has it so" "$(status_field v0 '["target"]["mode"]')" ro
exits "one image under two names, both read-only" 0 \
	open -q --readonly "$good/dynamic.vhdx" v1
tap_is "  in quiet, nothing but the path" "$TAP_OUTPUT" /dev/mapper/v1
exits "  close" 0 close v1
exits "one image under two names, the second of which may write" 7 \
	open "$good/dynamic.vhdx" v1
says "  the kernel's own words" "the kernel refused the device: "
says "  and the device" "is used by the device v0"

# --- While it is open, and while others have it open.
for verb in replay "check --repair"; do
	# shellcheck disable=SC2086 # words
	exits "$verb of an image in use" 7 $verb "$good/dynamic.vhdx"
	says "  names the device" "is used by the device v0"
done
# shellcheck disable=SC2016 # the inner shell's
tap_fails "nobody can open the image for writing" \
	bash -c 'exec 3>>"$0"' "$good/dynamic.vhdx"
says "  for the kernel keeps it" "Text file busy"
exits "info reads it nevertheless" 0 info "$good/dynamic.vhdx"
exec 3<"$dev"
exits "close of a device that is open" 7 close v0
says "  names the tool that finds by whom" "fuser -v $dev"
tap_is "  and does not leave it suspended" \
	"$(status_field v0 '["suspended"]')" False
exits "close --deferred" 0 close --deferred v0
says "  says when it will go" "v0 is in use; its last close removes it"
exec 3<&-
tap_run "  and so it does" wait_for 5 test ! -e /sys/block/dm-0/dm/name -o \
	-z "$(dmsetup ls --target vhdx | grep v0)"
dmsetup mknodes
gone "  without a trace"

exits "open" 0 open -q "$good/dynamic.vhdx" v0
dmsetup suspend --noudevsync v0
exits "close of a device that is suspended" 0 close v0
gone "  takes it away"

exec 3>>"$good/dynamic.vhdx"
exits "an image that is open for writing" 7 open "$good/dynamic.vhdx" v0
says "  which is said" "is open for writing elsewhere"
exec 3>&-

# As udev does with a device that was written to.
exits "open" 0 open -q "$good/dynamic.vhdx" v0
exec 3<"$dev"
sleep 2 &
exec 3<&-
exits "close waits for those who only look" 0 close v0
gone "  and takes it away"
wait
flock --no-fork -s "$good/dynamic.vhdx" sleep 3600 &
tap_run "a program locks an image" wait_for 5 \
	eval '! flock -xn "$good/dynamic.vhdx" true'
exits "open, where a program keeps writers away" 7 \
	open "$good/dynamic.vhdx" v0
says "  names it" "is open in the program (flock|sleep), process"
gone "  and leaves nothing"
kill %%

# --- What a table line makes hard.
for name in "two words" 'back\slash' $'a\ttab' "à la carte" "émigré Ā"; do
	cp -- "$good/dynamic.vhdx" "$IMAGES/$name.vhdx"
	exits "an image called \"$name\"" 0 open -q "$IMAGES/$name.vhdx" v0
	same "  reads" good/dynamic
	tap_is "  status knows its name" "$(status_field v0 '["image"]')" \
		"$IMAGES/$name.vhdx"
	exits "  close" 0 close v0
	rm -- "$IMAGES/$name.vhdx"
done

# --- Writing.
new=$IMAGES/new.vhdx
exits "create" 0 create -q --size 64M "$new"
exits "  open" 0 open "$new" v0
tap_run "  write" dd if=/dev/urandom of=$dev bs=1M seek=10 count=7 oflag=direct \
	conv=fsync status=none
written=$(sha256sum <$dev)
tap_is "  status counts blocks" \
	"$(status_field v0 '["target"]["blocks_allocated"]')" 4
tap_like "  and commits" "$(status_field v0 '["target"]["commits"]')" "^[1-9]"
tap_like "  and says that the log is in use" \
	"$(status_field v0 '["target"]["flags"]')" live
cp -- "$new" "$IMAGES/running.vhdx"
exits "  close" 0 close v0
exits "  clean" 0 check "$new"
says "  without a remark" "^$new: clean$"
exits "  open --readonly" 0 open --readonly "$new" v0
tap_is "  it is all there" "$(sha256sum <$dev)" "$written"
exits "  close" 0 close v0

# The copy of an image in use is what a crash leaves: its log is dirty.
tap_is "a copy of it in use has a dirty log" "$("$VHDXSETUP" info --json \
	"$IMAGES/running.vhdx" | field '["log"]["state"]')" dirty
exits "  opened for writing" 0 open "$IMAGES/running.vhdx" v0
tap_is "  it has what was flushed" "$(sha256sum <$dev)" "$written"
exits "  close" 0 close v0
tap_is "  the log was replayed" "$("$VHDXSETUP" info --json \
	"$IMAGES/running.vhdx" | field '["log"]["state"]')" clean
exits "  and it is clean" 0 check "$IMAGES/running.vhdx"
rm -- "$IMAGES/running.vhdx" "$new"

exits "create --fixed --no-sparse" 0 \
	create -q --fixed --no-sparse --size 20M --sector-size 4096 "$new"
exits "  open" 0 open --no-space-timeout 5 "$new" v0
tap_is "  sectors of 4096 bytes" "$(blockdev --getss $dev)" 4096
tap_like "  the timeout is in the table" "$(dmsetup table v0)" \
	"2 no_space_timeout 5$"
tap_run "  write" dd if=/dev/urandom of=$dev bs=1M oflag=direct count=20 \
	status=none
written=$(sha256sum <$dev)
exits "  close" 0 close v0
exits "  clean" 0 check "$new"
exits "  open again" 0 open "$new" v0
tap_is "  it is all there" "$(sha256sum <$dev)" "$written"
exits "  close" 0 close v0

if chattr +i "$new" 2>/dev/null; then
	exits "an image that may not be written" 0 open "$new" v0
	says "  is opened read-only, with a warning" \
		"warning: .*cannot be written: .*read-only"
	tap_is "  which is so" "$(blockdev --getro "$dev")" 1
	exits "  close" 0 close v0
	chattr -i "$new"
else
	tap_skip "an image that may not be written" "no chattr here"
fi
rm -- "$new"

truncate -s 80M "$SCRATCH/disk"
loop=$(losetup -f --show "$SCRATCH/disk")
exits "create on a block device" 7 create --size 64M "$loop"
says "  asks for --force" "is a block device.* --force"
exits "  with it" 0 create -q --force --size 64M "$loop"
exits "  open" 0 open "$loop" v0
exits "  under another name, too" 7 open "$loop" v1
says "  is refused, and says why" "is used by the device v0"
exits "  while it is in use" 7 create --force --size 64M "$loop"
says "  is refused" "mounted or used by another device"
tap_run "  write" dd if=/dev/urandom of=$dev bs=1M count=8 oflag=direct \
	status=none
written=$(sha256sum <$dev)
exits "  close" 0 close v0
exits "  clean" 0 check "$loop"
exits "  open again" 0 open "$loop" v0
tap_is "  it is all there" "$(sha256sum <$dev)" "$written"
exits "  close" 0 close v0
exits "more than fits on it" 13 create --force --fixed --size 80M "$loop"
says "  is said" "there is no room"
exits "  which leaves what is there" 0 check "$loop"
losetup -d "$loop"
rm -- "$SCRATCH/disk"

# --- What fails below.
below_is() {
	dmsetup suspend --noudevsync --noflush --nolockfs below
	dmsetup reload --noudevsync below --table "0 $below $*"
	dmsetup resume --noudevsync below
}
truncate -s 80M "$SCRATCH/disk"
loop=$(losetup -f --show "$SCRATCH/disk")
below=$((80 * 2048))
dm_create below "0 $below linear $loop 0"
exits "an image on a device" 0 create -q --force --size 64M /dev/mapper/below
exits "  open" 0 open /dev/mapper/below v0
tap_is "  status by that device" \
	"$(status_field /dev/mapper/below '["name"]')" v0
tap_run "  write" dd if=/dev/urandom of=$dev bs=1M count=2 oflag=direct \
	conv=fsync status=none
below_is error
tap_fails "  the device below fails, and so do flushes" \
	dd if=/dev/urandom of=$dev bs=1M seek=8 count=1 oflag=direct \
	conv=fsync status=none
tap_is "  status: it is read-only now" \
	"$(status_field v0 '["target"]["mode"]')" ro
tap_like "  and why" "$(status_field v0 '["target"]["fault"]')" "failed"
below_is linear "$loop" 0
exits "  close" 9 close v0
says "  tells of it" "v0: writing to the image has failed: "
gone "  and takes it away all the same"

# The log is dirty now, and must be replayed before anything is written.
tap_is "  the log is dirty" "$("$VHDXSETUP" info -q --json /dev/mapper/below |
	field '["log"]["state"]')" dirty
below_is flakey "$loop" 0 0 60 1 error_writes
exits "a log that cannot be replayed" "!(0)" open /dev/mapper/below v0
says "  keeps the device from starting" "does not start"
says "  in the kernel's words" \
	"the kernel says: .*header at offset 0x10000: cannot be updated"
gone "  and leaves nothing"
exits "  which --readonly does not mind" 0 open --readonly /dev/mapper/below v0
exits "  close" 0 close v0
below_is linear "$loop" 0
exits "  open, when all is well again" 0 open /dev/mapper/below v0
exits "  close" 0 close v0
exits "  clean" 0 check /dev/mapper/below

exits "  open, to write" 0 open /dev/mapper/below v0
tap_run "  as is done" dd if=/dev/urandom of=$dev bs=1M count=2 oflag=direct \
	conv=fsync status=none
tap_is "  without a fault" \
	"$(status_field v0 '["target"].get("fault")')" None
below_is flakey "$loop" 0 0 60 1 error_writes
exits "  but the last commit fails, at close" 9 close v0
says "  which tells of it" "v0: writing to the image has failed: "
gone "  and takes it away all the same"
below_is linear "$loop" 0
exits "  open, when all is well again" 0 open /dev/mapper/below v0
exits "  close" 0 close v0
exits "  clean" 0 check /dev/mapper/below
dm_remove below
losetup -d "$loop"
rm -- "$SCRATCH/disk"

# --- Chains.
exits "a chain of three" 0 open "$good/chain-three.vhdx" v0
tap_is "  can be written" "$(blockdev --getro "$dev")" 0
same "  reads" good/chain-three
tap_is "  status lists the parents" \
	"$(status_field v0 '["parents"].__len__()')" 2
tap_is "  list counts them" "$("$VHDXSETUP" list -n -o parents | tr -d ' ')" 2
mapfile -t parents < <(image_files good/chain-three | tr '\t' '\n' | tail -n +2)
exits "  close of its parent" 6 close "$good/${parents[0]}"
says "  says whose it is" "no device is made of this image; v0 has it as a par"
exits "  close of the image" 0 close "$good/chain-three.vhdx"
mkdir "$IMAGES/alone"
cp -- "$good/chain-three.vhdx" "$IMAGES/alone/child.vhdx"
exits "a child without its parents" 4 open "$IMAGES/alone/child.vhdx" v0
gone "  leaves nothing"
exits "  with --parent twice" 0 open -q --parent "$good/${parents[0]}" \
	--parent "$good/${parents[1]}" "$IMAGES/alone/child.vhdx" v0
same "  reads" good/chain-three
exits "  close" 0 close v0
exits "another image as its parent" 4 \
	open --parent "$good/dynamic.vhdx" "$IMAGES/alone/child.vhdx" v0
exits "  unless it is asked for" 0 open --ignore-id-mismatch \
	--parent "$good/dynamic.vhdx" "$IMAGES/alone/child.vhdx" v0
says "  with a warning" "warning: .*data write GUID"
tap_is "  which can only be read" "$(blockdev --getro "$dev")" 1
tap_like "  which status remembers" "$(status_field v0 '["target"]["flags"]')" \
	id_mismatch_ignored
exits "  close" 0 close v0
rm -r -- "$IMAGES/alone"

# --- Options that the kernel sees.
exits "open --buffered --bat-cache" 0 \
	open -q --buffered --bat-cache 64 "$good/two-chunks.vhdx" v0
tap_like "  status says buffered" "$(status_field v0 '["target"]["flags"]')" \
	buffered
tap_is "  and 16 pages" \
	"$(status_field v0 '["target"]["metadata_pages_limit"]')" 16
exits "  close" 0 close v0
exits "a dirty log" 0 open -q --readonly "$good/log-bat.vhdx" v0
same "  is replayed" good/log-bat
tap_like "  which status says" "$(status_field v0 '["target"]["flags"]')" \
	dirty_log
exits "  close" 0 close v0

# --- Block devices as images, and what the kernel refuses by itself.
loop=$(loop_from "$good/dynamic.vhdx" --read-only)
exits "an image on a block device that is read-only" 0 open "$loop" v0
says "  with a warning" "cannot be written"
same "  reads" good/dynamic
tap_is "  status names the device" "$(status_field v0 '["image"]')" "$loop"
exits "  close by it" 0 close "$loop"
losetup -d "$loop"
loop=$(loop_from "$good/dynamic.vhdx" --read-only --sector-size 4096)
exits "sectors of 512 bytes on a device of 4096" 8 open "$loop" v0
says "  the kernel's own words" "refused the device: .*4096"
gone "  leave nothing"
losetup -d "$loop"

# --- An image that can be read well, and that no writer may touch.
cp -- "$IMAGES/evil/header-sequence-last.vhdx" "$SCRATCH/last.vhdx"
exits "an image whose headers cannot be updated" 0 open "$SCRATCH/last.vhdx" v0
says "  with a warning" "sequence numbers are used up.*the device is read-only"
tap_is "  it is" "$(blockdev --getro "$dev")" 1
exits "  close" 0 close v0

# --- Other people's devices.
dm_create other "0 8 zero"
exits "close of a device that is none of ours" 6 close other
says "  says what it is" "of type zero"
exits "status of it" 6 status other
tap_run "  it is still there" test -b /dev/mapper/other
dm_remove other
vhdx_create v0 "$(image_table good/dynamic)"
exits "a device made by dmsetup: status" 0 status v0
exits "  close" 0 close v0
gone "  takes it away"

# --- Partitions.
if [ -e "$real/btrfs.vhdx" ]; then
	exits "open --partitions" 0 \
		open -q --readonly --partitions "$real/btrfs.vhdx" v0
	says "  prints them" "${dev}p1"
	tap_is "  they are read-only" "$(blockdev --getro ${dev}p1)" 1
	tap_is "status lists them" \
		"$(status_field v0 '["partitions"][0]["name"]')" v0p1
	tap_is "  and the table" \
		"$(status_field v0 '["contents"]["partition_table"]')" dos
	mkdir -p "$SCRATCH/a mnt"
	modprobe -q btrfs || true
	if mount -t btrfs -o ro ${dev}p1 "$SCRATCH/a mnt"; then
		tap_is "  a file in one" \
			"$(cat "$SCRATCH/a mnt/folder/subfolder/file")" text
		exits "close while it is mounted" 7 close v0
		says "  says where" \
			"v0p1: is in use: mounted at $SCRATCH/a mnt; unmount"
		tap_run "  and removes nothing" test -b "${dev}p1"
		umount "$SCRATCH/a mnt"
	else
		tap_skip "a file in one" "no btrfs in this kernel"
	fi
	exec 3<"$dev"
	exits "close while the disk is open" 7 close v0
	says "  says what finds by whom" "v0: is in use: some .*fuser -v $dev"
	tap_run "  and removes nothing" test -b "${dev}p1"
	exec 3<&-
	exec 3<"${dev}p1"
	sleep 2 &
	exec 3<&-
	exits "close, where a partition is looked at" 0 close v0
	wait
	gone "  takes both away"
	kpartx=$(realpath "$(command -v kpartx)")
	mount --bind /bin/false "$kpartx"
	exits "open --partitions, kpartx failing" 14 \
		open --partitions "$real/btrfs.vhdx" v0
	says "  says how it ended" "v0: kpartx cannot list .*: it exited with status 1"
	umount "$kpartx"
	printf '%s\n' '#!/bin/sh' 'echo "out of patience" >&2' 'exit 1' \
		>"$SCRATCH/kpartx"
	chmod +x "$SCRATCH/kpartx"
	mount --bind "$SCRATCH/kpartx" "$kpartx"
	exits "open --partitions, kpartx saying why" 14 \
		open -q --partitions "$real/btrfs.vhdx" v0
	says "  shows its words" "kpartx: out of patience"
	documents "  in JSON as well" 14 \
		open -q --json --partitions "$real/btrfs.vhdx" v0
	tap_is "  as a failure of its own" \
		"$(field '["error"]["code"]' <<<"$TAP_OUTPUT") $(
		field '["error"]["details"]' <<<"$TAP_OUTPUT")" \
		"tool-failed ['kpartx: out of patience']"
	umount "$kpartx"
	gone "  leaves nothing"
	# It lists, and dies as it maps.
	kpartx_lists=$SCRATCH/kpartx-lists
	cp "$kpartx" "$kpartx_lists"
	printf '%s\n' '#!/bin/sh' "[ \"\$1\" = -l ] && exec $kpartx_lists \"\$@\"" \
		'kill -SEGV $$' >"$SCRATCH/kpartx"
	mount --bind "$SCRATCH/kpartx" "$kpartx"
	exits "open --partitions, kpartx dying" 14 \
		open -q --partitions "$real/btrfs.vhdx" v0
	says "  says of what" \
		"v0p1: is not mapped: kpartx was ended by signal 11 \(Seg"
	umount "$kpartx"
	gone "  leaves nothing"
	# shellcheck disable=SC2016 # the inner shell's
	printf '%s\n' '#!/bin/sh' 'kill -INT $PPID' 'exec sleep 0.5' \
		>"$SCRATCH/kpartx"
	chmod +x "$SCRATCH/kpartx"
	mount --bind "$SCRATCH/kpartx" "$kpartx"
	exits "open --partitions, interrupted" 130 \
		open --partitions "$real/btrfs.vhdx" v0
	says "  says so" "interrupted: v0 is not made"
	umount "$kpartx"
	gone "  leaves nothing"

	exits "open --partitions for writing" 0 \
		open -q --partitions "$real/btrfs.vhdx" v0
	tap_is "  they can be written" "$(blockdev --getro ${dev}p1)" 0
	exits "  close" 0 close v0

	exits "open --partitions without any" 0 \
		open -q --partitions "$good/empty.vhdx" v0
	tap_is "  prints the disk alone" "$TAP_OUTPUT" "$dev"
	exits "  close" 0 close v0
else
	tap_skip "partitions" "no real images"
fi

# Three partitions, the third of which the disk has no room for.
for label in dos gpt; do
	truncate -s 200M "$SCRATCH/large"
	printf '%s\n' "label: $label" start=2048,size=20M start=43008,size=30M \
		start=104448 | sfdisk -q "$SCRATCH/large"
	exits "a disk with a table ($label) of a larger one" 0 \
		create -q --size 100M "$new"
	exits "  open" 0 open -q "$new" v0
	dd if="$SCRATCH/large" of=$dev bs=512 count=34 conv=fsync status=none
	exits "  close" 0 close v0
	exits "  open --partitions" 0 open --partitions "$new" v0
	says "  warns of the third" \
		"warning: v0p3: is not mapped: it lies past the end of the disk, at sectors 104448 to .* of 204800"
	tap_is "  prints the other two" "$(grep ^/ <<<"$TAP_OUTPUT")" \
		"$(printf '%s\n' $dev ${dev}p1 ${dev}p2)"
	tap_run "  which are there" test -b ${dev}p1 -a -b ${dev}p2
	tap_fails "  and the third is not" test -e ${dev}p3
	tap_run "  a file system in the second" mkfs.ext4 -q -F -L second ${dev}p2
	tap_is "  is in status" \
		"$(status_field v0 '["partitions"][1]' | grep -oE \
			"'(file_system|label|name)': '[a-z0-9]+'" | sort)" \
		"$(printf "'%s'\n" file_system "label': 'second" "name': 'v0p2" |
			sed "s/'file_system'/'file_system': 'ext4'/")"
	exits "  close" 0 close v0
	exits "  open without --partitions" 0 open -q "$new" v0
	[ $label != dos ] || tap_is "  status has the partitions all the same" \
		"$(status_field v0 '["partitions"][1]["file_system"]')" ext4
	tap_is "  but no names of devices" \
		"$(status_field v0 '["partitions"].__str__().count("v0p")')" 0
	exits "  close" 0 close v0
	rm -- "$new" "$SCRATCH/large"
done

# --- Where udev runs, which looks at what was written as soon as it is closed.
udevd=/lib/systemd/systemd-udevd

# Whether it ends is not ours to test: version 252 may wait for ever for an event
# that it has queued again, since it starts none any more.  Then udevadm, which waits
# for it, gives up, too.
stop_udevd() {
	local pid i

	pid=$(pidof systemd-udevd)
	udevadm control --exit --timeout=60 || true
	for ((i = 0; i < 600; i++)); do
		[ -d "/proc/$pid" ] || return 0
		sleep 0.1
	done
	tap_note "udevd is told to end, and does not: it is killed"
	kill -KILL "$pid" || true
	wait_for 10 test ! -d "/proc/$pid" || true
}

if [ -x "$udevd" ] && ! slow_guest && mkdir -p /run/udev; then
	tap_run "udev can be started" "$udevd" --daemon
	tap_run "  and answers" wait_for 10 udevadm control --ping
	exits "create" 0 create -q --size 64M "$new"
	exits "  open" 0 open "$new" v0
	echo "start=2048,size=61440,type=83" |
		sfdisk -q --no-reread --no-tell-kernel "$dev"
	exits "  close after sfdisk" 0 close v0
	for i in 1 2 3; do
		exits "open --partitions" 0 open -q --partitions "$new" v0
		tap_run "  mkfs" mkfs.ext4 -q -F "${dev}p1"
		exits "  close at once" 0 close v0
		gone "  leaves nothing"
	done
	kill -STOP "$(pidof systemd-udevd)"
	tap_capture timeout --preserve-status -s INT -k "$PATIENCE" 2 \
		"$VHDXSETUP" open "$new" v0
	tap_is "while udev hangs, open can be interrupted" "$TAP_STATUS" 130
	says "  says so" "interrupted: v0 is not made"
	gone "  and leaves nothing"
	tap_like "  not even what it waited by" "$(dmsetup udevcookies)" \
		"^Cookie[^0-9]*$"
	kill -CONT "$(pidof systemd-udevd)"
	tap_run "  later, udev has no more to do" udevadm settle \
		--timeout="$PATIENCE"
	stop_udevd
	tap_fails "udev can be stopped" pidof systemd-udevd
	rm -r -- "$new" /run/udev
else
	tap_skip "with udev" "it is not installed, or too slow here"
fi

tap_done
