/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Write a virtual disk in userspace: the engine's session, with one task that is
 * the committer, the space worker and the writer in turn.
 *
 * writer.c APIs:
 *   writer_begin()	get ready to write an image
 *   writer_write()	write bytes of the disk
 *   writer_zero()	zero bytes of the disk
 *   writer_commit()	make what was written durable
 *   writer_end()	leave a clean image
 */
#ifndef WRITER_H
#define WRITER_H

#include "open.h"
#include "session.h"

/**
 * struct writer - an image that is written
 * @layer: the image; open for writing, its log empty
 * @session: the engine's
 */
struct writer {
	struct layer *layer;
	struct vhdx_session *session;
};

int writer_begin(struct writer *writer, struct layer *layer,
		 const guid_t *identity);
int writer_write(struct writer *writer, u64 pos, const void *buf, u64 len);
int writer_zero(struct writer *writer, u64 pos, u64 len);
int writer_commit(struct writer *writer);
int writer_end(struct writer *writer);

#endif /* WRITER_H */
