/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two disks over NBD, in one room that nobody else may enter: VHDX images are
 * served by nbdkit with our plugin, other formats by qemu-nbd, and nbdcopy copies
 * from the one to the other.
 *
 * The sockets are in a directory of ours, and listen before the servers run, so
 * nobody waits for a server to be ready.
 *
 * nbd-room.c APIs:
 *   nbd_room_begin()	make the room
 *   nbd_room_end()	end all that runs in it
 *   nbd_serve_vhdx()	serve a VHDX image
 *   nbd_serve_other()	serve an image of another format
 *   nbd_stop()		stop to serve both
 *   nbd_copy()		copy from the source to the destination
 *   nbd_copy_to_file()	copy from the source to a raw file
 *   nbd_compare()	compare the two
 */
#ifndef NBD_ROOM_H
#define NBD_ROOM_H

#include "captive.h"
#include "image-format.h"
#include "vhdxsetup.h"

enum nbd_side {
	NBD_SOURCE,
	NBD_DEST,
	NBD_SIDES,
};

/**
 * struct nbd_room - the room
 * @directory: of the sockets; empty if there is none
 * @socket: path of each
 * @uri: of each
 * @server: who serves it
 * @plugin: what nbdkit loads
 */
struct nbd_room {
	char directory[32];
	char socket[NBD_SIDES][48];
	char uri[NBD_SIDES][80];
	struct captive server[NBD_SIDES];
	char *plugin;
};

/**
 * struct nbd_image - an image of another format than VHDX
 * @path: of it
 * @fd: open for reading, in place of @path; -1 for none
 * @format: of it
 */
struct nbd_image {
	const char *path;
	int fd;
	enum image_format format;
};

int nbd_room_begin(struct nbd_room *room);
void nbd_room_end(struct nbd_room *room, int err);
int nbd_serve_vhdx(struct nbd_room *room, enum nbd_side side,
		   const char *path, const struct options *options,
		   bool writes);
int nbd_serve_other(struct nbd_room *room, enum nbd_side side,
		    const struct nbd_image *image, bool writes);
int nbd_stop(struct nbd_room *room);
int nbd_copy(struct nbd_room *room);
int nbd_copy_to_file(struct nbd_room *room, const char *path);
int nbd_compare(struct nbd_room *room);

#endif /* NBD_ROOM_H */
