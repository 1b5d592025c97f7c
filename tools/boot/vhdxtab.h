/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A line of vhdxtab(5), as fields and options.
 *
 * vhdxtab.c APIs:
 *   vhdxtab_parse()	take a line apart
 */
#ifndef VHDXTAB_H
#define VHDXTAB_H

#include <stdbool.h>

/* More than the longest chain has parents. */
#define VHDXTAB_ARGS_MAX	512

/**
 * struct vhdxtab - a line; all strings are parts of it
 * @name: of the device
 * @image: absolute path
 * @noauto: it is opened only when a unit needs it
 * @nofail: the boot does not wait for it
 * @netdev: it needs the network
 * @initrd: the initramfs has opened it, and the root file system is on it
 * @partitions: they are mapped
 * @timeout: how long opening may take, NULL for no limit
 * @device_timeout: how long the block device that is the image is waited for, or
 *	NULL
 * @args: what `vhdxsetup open' takes, without the dashes
 * @arg_count: how many
 */
struct vhdxtab {
	const char *name;
	const char *image;
	bool noauto;
	bool nofail;
	bool netdev;
	bool initrd;
	bool partitions;
	const char *timeout;
	const char *device_timeout;
	const char *args[VHDXTAB_ARGS_MAX];
	unsigned int arg_count;
};

int vhdxtab_parse(char *line, struct vhdxtab *tab, const char **why);

#endif /* VHDXTAB_H */
