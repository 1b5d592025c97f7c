/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The disk that the plugin serves: an image with its parents, for many threads.
 *
 * A thread holds the gate's mutex for a lookup, and drops it before it reads or
 * writes the bytes, so that a flush delays no other request.
 * Documentation/benchmarks.rst compares this with a mutex around each request.
 * All connections share one disk.
 *
 * served.c APIs:
 *   served_open()	open the image and its parents
 *   served_close()
 *   served_read()	read bytes of the virtual disk
 *   served_piece()	find the extent at a byte
 * served-write.c APIs:
 *   served_write()	write bytes
 *   served_zero()	zero or discard bytes
 *   served_flush()	make durable what was written
 *   served_settle()	leave clean files while nobody writes
 */
#ifndef SERVED_H
#define SERVED_H

#include "committer.h"
#include "gate.h"
#include "open.h"

/**
 * struct served - an open disk
 * @disk: the images
 * @lock: mutex of the thread in the engine
 * @gate: gates of the images
 * @committer: committer of the child; NULL if the disk is only read
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
