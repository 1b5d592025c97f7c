// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhdx-generator: units for the lines of vhdxtab(5), as systemd.generator(7) has
 * it, in the manner of crypttab's.
 *
 * Each line becomes a service that opens the image and closes it. The units of
 * the devices that it makes require it, so that what is mounted from them has it
 * started; so does vhdx.target, which a boot wants. At shutdown, a service is
 * stopped when what is mounted from its device is not mounted any more, and before
 * the file system is unmounted that the image is on.
 */
#include <errno.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>

#include "console.h"
#include "message.h"
#include "unit.h"
#include "vhdxtab.h"

#define VHDXTAB		"/etc/vhdxtab"
#define FSTAB		"/etc/fstab"
/* Devices of one line that fstab names. */
#define DEVICES_MAX	130
/*
 * What uses the device may be stopped at the same time. It is waited for as long
 * as systemd lets a service take by default, and a bit less.
 */
#define STOP_SECONDS	85

/**
 * struct disk - a line, and what is made of it
 * @tab: the line
 * @dir: where units go
 * @service: name of its unit
 * @devices: paths of the devices that it makes: the disk, and those of its
 *	partitions that fstab names; for free()
 * @device_count: how many
 */
struct disk {
	const struct vhdxtab *tab;
	const char *dir;
	char *service;
	char *devices[DEVICES_MAX];
	unsigned int device_count;
};

static const char *from_env(const char *name, const char *usual)
{
	const char *value = getenv(name);

	return value ? value : usual;
}

static int add_device(struct disk *disk, const char *path)
{
	char *copy;

	if (disk->device_count == DEVICES_MAX)
		return 0;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	disk->devices[disk->device_count++] = copy;
	return 0;
}

/* Is this /dev/mapper/NAMEpN? */
static bool is_partition_of(const char *path, const char *device)
{
	size_t length = strlen(device);

	return !strncmp(path, device, length) && path[length] == 'p' &&
	       path[length + 1] &&
	       !path[length + 1 + strspn(path + length + 1, "0123456789")];
}

/* Only the image knows its partitions, and it cannot be read yet. */
static int add_partitions(struct disk *disk)
{
	FILE *fstab = setmntent(from_env("SYSTEMD_FSTAB", FSTAB), "re");
	struct mntent *entry;
	int err = 0;

	while (fstab && !err && (entry = getmntent(fstab)))
		if (is_partition_of(entry->mnt_fsname, disk->devices[0]))
			err = add_device(disk, entry->mnt_fsname);
	if (fstab)
		endmntent(fstab);
	return err;
}

static int find_devices(struct disk *disk)
{
	char *path;
	int err;

	if (asprintf(&path, "/dev/mapper/%s", disk->tab->name) < 0)
		return -ENOMEM;
	err = add_device(disk, path);
	free(path);
	if (!err && disk->tab->partitions)
		err = add_partitions(disk);
	return err;
}

static bool is_device(const char *path)
{
	return !strncmp(path, "/dev/", 5);
}

static const char *target_of(const struct vhdxtab *tab)
{
	return tab->netdev ? "remote-vhdx.target" : "vhdx.target";
}

/* What must be there before a file is: itself, if it is a block device. */
static void put_file(FILE *unit, const char *path)
{
	char name[UNIT_NAME_SIZE];

	if (!is_device(path)) {
		fputs("RequiresMountsFor=", unit);
		unit_quote(unit, path, false);
		putc('\n', unit);
		return;
	}
	unit_device(path, name);
	fprintf(unit, "BindsTo=%s.device\nAfter=%s.device\n", name, name);
}

static void put_files(FILE *unit, const struct vhdxtab *tab)
{
	unsigned int i;

	put_file(unit, tab->image);
	for (i = 0; i < tab->arg_count; i++)
		if (!strncmp(tab->args[i], "parent=/", 8))
			put_file(unit, tab->args[i] + strlen("parent="));
}

/* What is mounted from the devices comes after these, and goes before them. */
static void put_devices(FILE *unit, const struct disk *disk)
{
	char name[UNIT_NAME_SIZE];
	unsigned int i;

	for (i = 0; i < disk->device_count; i++) {
		unit_device(disk->devices[i], name);
		fprintf(unit, "Wants=blockdev@%s.target\nBefore=blockdev@%s.target\n",
			name, name);
	}
}

/*
 * The root file system, which may hold the image, is remounted for writing
 * first. An image that holds the root file system stays open until the machine
 * is off.
 */
static void put_order(FILE *unit, const struct disk *disk)
{
	const struct vhdxtab *tab = disk->tab;

	fputs("[Unit]\n"
	      "Description=VHDX disk %I\n"
	      "Documentation=man:vhdxtab(5) man:vhdxsetup(8)\n"
	      "SourcePath=/etc/vhdxtab\n"
	      "DefaultDependencies=no\n"
	      "IgnoreOnIsolate=yes\n"
	      "After=systemd-remount-fs.service\n"
	      "After=systemd-udevd-control.socket systemd-udevd-kernel.socket\n",
	      unit);
	if (tab->initrd) {
		fputs("ConditionPathExists=!", unit);
		fprintf(unit, "/dev/mapper/%s\n", "%I");
	} else {
		fputs("Conflicts=umount.target\nBefore=umount.target\n", unit);
	}
	if (tab->netdev)
		fputs("After=remote-fs-pre.target\n", unit);
	if (!tab->nofail && !tab->noauto)
		fprintf(unit, "Before=%s\n", target_of(tab));
	put_devices(unit, disk);
	put_files(unit, tab);
}

static void put_commands(FILE *unit, const struct vhdxtab *tab)
{
	unsigned int i;
	char *arg;

	fputs("\n[Service]\n"
	      "Type=oneshot\n"
	      "RemainAfterExit=yes\n", unit);
	fprintf(unit, "TimeoutStartSec=%s\n",
		tab->timeout ? tab->timeout : "infinity");
	fputs("ExecStart=vhdxsetup open", unit);
	for (i = 0; i < tab->arg_count; i++) {
		if (asprintf(&arg, "--%s", tab->args[i]) < 0)
			continue;
		putc(' ', unit);
		unit_quote(unit, arg, true);
		free(arg);
	}
	fputs(" -- ", unit);
	unit_quote(unit, tab->image, true);
	putc(' ', unit);
	unit_quote(unit, tab->name, true);
	if (!tab->initrd) {
		fprintf(unit, "\nExecStop=vhdxsetup close --wait %d -- ",
			STOP_SECONDS);
		unit_quote(unit, tab->name, true);
	}
	putc('\n', unit);
}

static int make_service(const struct disk *disk)
{
	FILE *unit = unit_create(disk->dir, NULL, disk->service);

	if (!unit && errno == EEXIST)
		msg_err("%s: has two lines; the first one counts", disk->tab->name);
	if (!unit)
		return -EINVAL;
	put_order(unit, disk);
	put_commands(unit, disk->tab);
	return unit_finish(unit, disk->service);
}

/* The service has its own time limit, and its failure is theirs. */
static int make_device(const struct disk *disk, const char *path)
{
	char device[UNIT_NAME_SIZE + sizeof(".device")];
	FILE *piece;
	int err;

	unit_device(path, device);
	strcat(device, ".device");
	err = unit_link(disk->dir, device, "requires", disk->service);
	if (err)
		return err;
	piece = unit_create(disk->dir, device, "40-vhdx-timeout.conf");
	if (!piece)
		return errno == EEXIST ? 0 : -EIO;
	fputs("[Unit]\nJobTimeoutSec=infinity\n", piece);
	return unit_finish(piece, device);
}

/* Set the time to wait for the block device that holds the image. */
static int limit_image(const struct disk *disk)
{
	char device[UNIT_NAME_SIZE + sizeof(".device")];
	FILE *piece;

	if (!disk->tab->device_timeout || !is_device(disk->tab->image))
		return 0;
	unit_device(disk->tab->image, device);
	strcat(device, ".device");
	piece = unit_create(disk->dir, device, "50-vhdx-device-timeout.conf");
	if (!piece)
		return errno == EEXIST ? 0 : -EIO;
	fprintf(piece, "[Unit]\nJobRunningTimeoutSec=%s\n",
		disk->tab->device_timeout);
	return unit_finish(piece, device);
}

/* The target that has all of them started, and what starts it at boot. */
static int make_target(const struct disk *disk)
{
	bool netdev = disk->tab->netdev;
	const char *target = target_of(disk->tab);
	FILE *unit = unit_create(disk->dir, NULL, target);

	if (!unit)
		return errno == EEXIST ? 0 : -EIO;
	fprintf(unit,
		"[Unit]\n"
		"Description=VHDX Disks%s\n"
		"Documentation=man:vhdxtab(5)\n"
		"SourcePath=/etc/vhdxtab\n",
		netdev ? " on the Network" : "");
	if (unit_finish(unit, target))
		return -EIO;
	return unit_link(disk->dir,
			 netdev ? "multi-user.target" : "sysinit.target",
			 "wants", target);
}

static int make_units(const struct disk *disk)
{
	const struct vhdxtab *tab = disk->tab;
	unsigned int i;
	int err;

	err = make_service(disk);
	for (i = 0; !err && i < disk->device_count; i++)
		err = make_device(disk, disk->devices[i]);
	if (!err)
		err = limit_image(disk);
	if (!err && !tab->noauto)
		err = make_target(disk);
	if (!err && !tab->noauto)
		err = unit_link(disk->dir, target_of(tab),
				tab->nofail ? "wants" : "requires",
				disk->service);
	return err;
}

static int take_line(const char *dir, const struct vhdxtab *tab)
{
	struct disk disk = { .tab = tab, .dir = dir };
	char name[UNIT_NAME_SIZE];
	int err;

	unit_name(tab->name, name);
	if (asprintf(&disk.service, "vhdx@%s.service", name) < 0)
		return -ENOMEM;
	err = find_devices(&disk);
	if (!err)
		err = make_units(&disk);
	while (disk.device_count)
		free(disk.devices[--disk.device_count]);
	free(disk.service);
	return err;
}

/* A line with an error does not affect the others. */
static int take_lines(const char *dir, FILE *in)
{
	unsigned int number = 0;
	struct vhdxtab tab;
	const char *why;
	char *line = NULL;
	size_t size = 0;
	int err, failed = 0;

	while (getline(&line, &size, in) >= 0) {
		number++;
		err = vhdxtab_parse(line, &tab, &why);
		if (err == -EINVAL)
			msg_err("line %u of vhdxtab: %s; it is passed over",
				number, why);
		else if (!err)
			err = take_line(dir, &tab);
		if (err && err != -ENODATA)
			failed = 1;
	}
	free(line);
	return failed;
}

/*
 * At boot there is no journal yet, but the kernel's log, which it takes over.
 * systemd names its scope to generators; one that a person runs needs no such log.
 */
static void tell(enum console_level level, const char *line)
{
	FILE *log;

	(void)level;
	fprintf(stderr, "vhdx-generator: %s\n", line);
	if (!getenv("SYSTEMD_SCOPE"))
		return;
	log = fopen("/dev/kmsg", "we");
	if (!log)
		return;
	fprintf(log, "<3>vhdx-generator: %s\n", line);
	fclose(log);
}

int main(int argc, char **argv)
{
	const char *path = from_env("VHDXTAB", VHDXTAB);
	int failed;
	FILE *in;

	console_set_output(tell);
	if (argc != 2 && argc != 4) {
		msg_err("takes one or three directories, as systemd.generator(7) has it");
		return 1;
	}
	in = fopen(path, "re");
	if (!in && errno == ENOENT)
		return 0;
	if (!in) {
		msg_err("%s: %s", path, strerror(errno));
		return 1;
	}
	failed = take_lines(argv[1], in);
	fclose(in);
	return failed;
}
