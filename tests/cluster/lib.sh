# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the guests of cluster/run are asked to do.  Sourced by agent; $NAME is
# server, a or b.
#
#   come_up               the name, the network, the module
#   vhdxsetup ARG...      the checkout's
#   cable a|b up|down     server: of the guest's cable
#   nfs_serve, nfs_join   server: /srv/images; clients: it is mounted there
#   smb_serve, smb_join   the same
#   smb_mount CACHE       client: with that cache
#   iscsi_serve DISK      server
#   iscsi_join            clients: prints the disk's device
#   fill DEVICE           a new file system, at /mnt
#   put_files NAME COUNT  files in /mnt, synced, whose names have their sums
#   put_always            the same in the background, until it fails; what is safe
#                         goes to $EXCHANGE/safe
#   look_files            all files of $EXCHANGE/safe are in /mnt
#   make_device SECTORS   a device vhdx0 without an image, which holds I/O back
#   read_disk, disk_read  the sum of vhdx0, in the background; what came of it
#   until_done COMMAND... again and again until it succeeds, or a hang is a hang
#   reserve DISK, take_over DISK, release DISK   persistent reservations

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
PATIENCE=900
# In seconds; what a client has that is not heard of, before others may have it.
LEASE=15

vhdxsetup() { "$here/../../tools/vhdxsetup" "$@"; }

# Servers tell clients apart by that name.
come_up() {
	local dep

	hostname "$NAME"
	busybox ip link set lo up
	case $NAME in
	server) card eth0 10.0.1.1; card eth1 10.0.2.1 ;;
	a) card eth0 10.0.1.2 ;;
	b) card eth0 10.0.2.2 ;;
	esac
	for dep in $(modinfo -F depends -- "$VHDX_KO" | tr ',' ' '); do
		modprobe -- "$dep"
	done
	insmod "$VHDX_KO"
	mkdir -p /srv/images /mnt
}

card() {
	modprobe virtio_net
	busybox ip addr add "$2/24" dev "$1"
	busybox ip link set "$1" up
}

address() {
	case $NAME in
	a) echo 10.0.1.1 ;;
	b) echo 10.0.2.1 ;;
	esac
}

cable() {
	case $1 in
	a) busybox ip link set eth0 "$2" ;;
	b) busybox ip link set eth1 "$2" ;;
	esac
}

until_done() {
	local end=$((SECONDS + PATIENCE))

	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.5
	done
}

disk_mounted() {
	modprobe -q ext4 || true
	mountpoint -q /srv/images || mount -t ext4 "$1" /srv/images
}

nfs_serve() {
	disk_mounted /dev/vda
	modprobe nfsd
	mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd
	echo "$LEASE" >/proc/fs/nfsd/nfsv4leasetime
	echo "$LEASE" >/proc/fs/nfsd/nfsv4gracetime
	mkdir -p /var/lib/nfs/v4recovery /run/rpc_pipefs
	touch /var/lib/nfs/etab /var/lib/nfs/rmtab
	echo '/srv/images *(rw,fsid=0,no_root_squash,no_subtree_check,sync)' >/etc/exports
	exportfs -ra
	rpc.mountd -N 3
	rpc.nfsd -N 3 -U -V 4.2 4
}

nfs_join() {
	modprobe nfsv4
	mount -t nfs4 -o vers=4.2,hard "$(address):/" /srv/images
}

smb_serve() {
	disk_mounted /dev/vda
	mkdir -p /run/samba /var/lib/samba/private /var/cache/samba /var/log/samba
	cat >/etc/samba/smb.conf <<-'SMB'
	[global]
	server role = standalone server
	map to guest = never
	disable netbios = yes
	smb ports = 445
	[images]
	path = /srv/images
	read only = no
	SMB
	printf 'secret\nsecret\n' | smbpasswd -s -a root
	smbd -D
}

smb_mount() {
	mount -t cifs -o "vers=3.1.1,username=root,password=secret,cache=$1" \
		"//$(address)/images" /srv/images
}

smb_join() {
	modprobe cifs
	smb_mount none
}

TARGET=iqn.2026-11.example:disk

# As targetcli does it, which wants a message bus.
iscsi_serve() {
	local core=/sys/kernel/config/target/core/iblock_0/disk tpg host

	# LIO looks for its directory when it is loaded.
	mkdir -p /etc/target/pr
	modprobe target_core_mod
	modprobe target_core_iblock
	modprobe iscsi_target_mod
	mkdir -p "$core"
	echo "udev_path=$1" >"$core/control"
	echo 1 >"$core/enable"
	echo disk >"$core/wwn/vpd_unit_serial"
	tpg=/sys/kernel/config/target/iscsi/$TARGET/tpgt_1
	mkdir -p "$tpg/lun/lun_0"
	ln -s "$core" "$tpg/lun/lun_0/disk"
	echo 0 >"$tpg/attrib/authentication"
	for host in a b; do
		host=$tpg/acls/iqn.2026-11.example:$host
		mkdir -p "$host/lun_0"
		ln -s "$tpg/lun/lun_0" "$host/lun_0/disk"
	done
	mkdir "$tpg/np/0.0.0.0:3260"
	echo 1 >"$tpg/enable"
}

scsi_disk() { find /sys/block -name 'sd*' -printf '/dev/%f\n' | grep .; }

iscsi_join() {
	modprobe iscsi_tcp
	modprobe sd_mod
	mkdir -p /etc/iscsi /run/lock/iscsi
	echo "InitiatorName=iqn.2026-11.example:$NAME" >/etc/iscsi/initiatorname.iscsi
	iscsid </dev/null >/dev/null 2>&1
	{
		until_done iscsiadm -m discovery -t sendtargets -p "$(address)" &&
			iscsiadm -m node -T "$TARGET" -p "$(address)" --login &&
			until_done scsi_disk >/dev/null
	} >&2
	scsi_disk
}

# Each host has a key of its own.
key() { case ${1:-$NAME} in a) echo 0xa ;; b) echo 0xb ;; esac; }

reserve() {
	sg_persist --out --register-ignore --param-sark="$(key)" "$1"
	sg_persist --out --reserve --param-rk="$(key)" --prout-type=3 "$1"
}

release() {
	sg_persist --out --release --param-rk="$(key)" --prout-type=3 "$1"
	sg_persist --out --register --param-rk="$(key)" --param-sark=0 "$1"
}

# take_over DISK FROM
take_over() {
	sg_persist --out --register-ignore --param-sark="$(key)" "$1"
	sg_persist --out --preempt-abort --param-rk="$(key)" \
		--param-sark="$(key "$2")" --prout-type=3 "$1"
}

fill() {
	mke2fs -q -t ext4 "$1"
	mount -t ext4 "$1" /mnt
}

put_file() {
	local sum

	head -c $((RANDOM * 8 + 1)) /dev/urandom >/mnt/new || return
	sum=$(sha256sum </mnt/new) || return
	mv /mnt/new "/mnt/$1-${sum%% *}" || return
	sync "/mnt/$1-${sum%% *}" /mnt || return
	echo "$1-${sum%% *} ." >>"$EXCHANGE/safe"
}

put_files() {
	local number

	for ((number = 0; number < $2; number++)); do
		put_file "$1-$number"
	done
}

put_always() {
	rm -f "$EXCHANGE/$NAME/failed"
	(
		number=0
		while put_file "$NAME-$RANDOM-$((number++))"; do
			head -c $((RANDOM * 8)) /dev/urandom >"/mnt/other-$((number % 9))"
		done
		: >"$EXCHANGE/$NAME/failed"
	) </dev/null >/dev/null 2>&1 &
}

look_files() {
	local name dot sum count=0

	while read -r name dot; do
		[ "$dot" = . ] || continue
		sum=$(sha256sum <"/mnt/$name") || return
		if [ "${sum%% *}" != "${name##*-}" ]; then
			echo "$name is not what it was"
			return 1
		fi
		count=$((count + 1))
	done <"$EXCHANGE/safe"
	echo "$count files are there"
}

make_device() {
	dmsetup create --noudevsync vhdx0 --table "0 $1 error"
	dmsetup mknodes
	dmsetup suspend --noudevsync vhdx0
}

read_disk() {
	test -b /dev/mapper/vhdx0
	rm -f /run/sum
	sha256sum /dev/mapper/vhdx0 </dev/null >/run/sum.part 2>&1 &&
		mv /run/sum.part /run/sum &
}

disk_read() {
	until_done test -e /run/sum && cat /run/sum
}
