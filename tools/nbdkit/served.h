/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The disk that the plugin serves: an image with its parents, for many threads.
 *
 * A thread holds the gate's mutex while it asks the engine where bytes lie, and
 * gives it back before it reads or writes them, so that a flush holds up nobody:
 * Documentation/benchmarks.rst has the figures of both ways. All connections share
 * one disk.
 *
 * served.c APIs:
 *   served_open()	open the image and its parents
 *   served_close()
 *   served_read()	read bytes of the virtual disk
 *   served_piece()	what lies alike from a byte on?
 * served-write.c APIs:
 *   served_write()	write bytes
 *   served_zero()	zero or discard bytes
 *   served_flush()	make durable what was written
 *   served_settle()	leave clean files: nobody writes for now
 */
#ifndef SERVED_H
#define SERVED_H

#include "committer.h"
#include "gate.h"
#include "open.h"

/**
 * struct served - an open disk
 * @disk: the images
 * @lock: held by who is in the engine
 * @gate: one for each image
 * @committer: of the first image; NULL if the disk is only read
 */
struct served {
	struct disk *disk;
	pthread_mutex_t lock;
	struct gate gate[VHDX_CHAIN_MAX];
	struct committer *committer;
};

int served_open(struct served *served, int place, const char *path,
		const struct disk_options *options);
void served_close(struct served *served);
int served_read(struct served *served, u64 pos, void *buf, u64 len);
int served_piece(struct served *served, u64 pos, u64 len,
		 struct vhdx_run *run);
int served_write(struct served *served, u64 pos, const void *buf, u64 len);
int served_zero(struct served *served, enum vhdx_zero why, u64 pos, u64 len);
int served_flush(struct served *served);
int served_settle(struct served *served);

#endif /* SERVED_H */
