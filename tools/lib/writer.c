// SPDX-License-Identifier: GPL-2.0-only
#include "message.h"
#include "writer.h"

/*
 * A session reports in a finding why it ends. Other errors are reported here.
 */
static int tell(const struct writer *writer, int err)
{
	const char *path = writer->layer->path;

	if (err == -ENOSPC)
		msg_err("%s: there is no room for more of it: make room in its file system",
			path);
	else if (err && writer->session->mode == VHDX_MODE_RW)
		msg_err("%s: cannot be written: %s", path, strerror(-err));
	return err;
}

/* Nobody else does I/O, so freed space can be used again after a commit. */
static int commit(struct writer *writer, unsigned int flags)
{
	struct vhdx_session *session = writer->session;
	int err = vhdx_session_work(session, flags | VHDX_WORK_COMMIT);

	while (!err && vhdx_session_drain(session))
		while (vhdx_session_drained(session))
			;
	return err;
}

static int load(struct writer *writer, const struct vhdx_miss *miss)
{
	int err = vhdx_image_load(miss);

	if (err != -ENOMEM)
		return err;
	/* All pages may be in the journal. */
	err = commit(writer, VHDX_WORK_CHECKPOINT);
	return err ? err : vhdx_image_load(miss);
}

static int prepare(struct writer *writer)
{
	int err = vhdx_session_prepare(writer->session);

	if (err == -ENOMEM)
		return err;
	/* The committer reports the errors of the space worker. */
	err = vhdx_session_work(writer->session, 0);
	if (err || !vhdx_session_full(writer->session))
		return err;
	return vhdx_session_reclaims(writer->session) ? commit(writer, 0) :
							-ENOSPC;
}

/* Do the work that a refused request waits for. Return 0 to try it again. */
static int help(struct writer *writer, int err, const struct vhdx_miss *miss)
{
	switch (err) {
	case -EAGAIN:
		return load(writer, miss);
	case -EBUSY:
		return vhdx_session_work(writer->session, VHDX_WORK_BEGIN);
	case -EINPROGRESS:
		return prepare(writer);
	case -ENOSPC:
		return vhdx_session_reclaims(writer->session) ?
		       commit(writer, 0) : -ENOSPC;
	default:
		return err;
	}
}

static int set_bits(struct writer *writer, u64 pos, u64 len)
{
	struct vhdx_miss miss;
	int err;

	do {
		err = vhdx_session_wrote(writer->session, pos, len, &miss);
	} while (err && !(err = help(writer, err, &miss)));
	return err;
}

/**
 * writer_write() - write bytes of the disk
 * @writer: from writer_begin()
 * @pos: byte offset on the disk, sector-aligned
 * @buf: the bytes
 * @len: how many, sector-aligned, above 0
 *
 * They are durable after writer_commit().
 *
 * Return: 0, or a negative errno after a message: -ENOSPC if there is no room.
 */
int writer_write(struct writer *writer, u64 pos, const void *buf, u64 len)
{
	struct vhdx_store *store = &writer->layer->file.store;
	struct vhdx_miss miss;
	struct vhdx_run run;
	int err = 0;

	while (len && !err) {
		err = vhdx_session_map(writer->session, pos, len, &run, &miss);
		if (err) {
			err = help(writer, err, &miss);
			continue;
		}
		err = store->ops->write(store, run.offset, buf, run.length);
		if (!err && run.absent)
			err = set_bits(writer, pos, run.length);
		pos += run.length;
		buf = (const u8 *)buf + run.length;
		len -= run.length;
	}
	return tell(writer, err);
}

/**
 * writer_zero() - zero bytes of the disk
 * @writer: from writer_begin()
 * @pos: byte offset on the disk, sector-aligned
 * @len: bytes, sector-aligned, above 0
 *
 * Whole blocks give up their space, unless the image is a fixed one.
 *
 * Return: as writer_write().
 */
int writer_zero(struct writer *writer, u64 pos, u64 len)
{
	struct vhdx_store *store = &writer->layer->file.store;
	struct vhdx_miss miss;
	struct vhdx_run run;
	int err = 0;

	while (len && !err) {
		err = vhdx_session_zero(writer->session, VHDX_ZERO_WRITE, pos,
					len, &run, &miss);
		if (err) {
			err = help(writer, err, &miss);
			continue;
		}
		if (run.kind == VHDX_RUN_DATA)
			err = store->ops->zero(store, run.offset, run.length);
		if (!err && run.absent)
			err = set_bits(writer, pos, run.length);
		pos += run.length;
		len -= run.length;
	}
	return tell(writer, err);
}

/**
 * writer_commit() - make what was written durable
 * @writer: from writer_begin()
 *
 * Return: as writer_write().
 */
int writer_commit(struct writer *writer)
{
	msg_debug("%s: a commit", writer->layer->path);
	return tell(writer, commit(writer, 0));
}

/**
 * writer_begin() - get ready to write an image
 * @writer: filled in
 * @layer: the image; open for writing, its log empty
 * @identity: DataWriteGuid that it gets with the first change
 *
 * Nothing changes yet, but the whole block table is read: an image with faults
 * that make writing unsafe is refused.
 *
 * Return: 0, or a negative errno after a message; -EROFS if the image cannot be
 * written.
 */
int writer_begin(struct writer *writer, struct layer *layer,
		 const guid_t *identity)
{
	struct vhdx_session *session;
	int err;

	session = vhdx_session_new(layer->image, &layer->report);
	if (IS_ERR(session))
		return (int)PTR_ERR(session);
	*writer = (struct writer){ .layer = layer, .session = session };
	vhdx_session_begin_under(session, identity);
	err = vhdx_session_work(session, 0);
	if (err) {
		tell(writer, err);
		vhdx_session_free(session);
	}
	return err;
}

/**
 * writer_end() - leave a clean image
 * @writer: from writer_begin()
 *
 * Return: 0: all that was written is durable; or a negative errno after a
 * message: what was not committed is lost.
 */
int writer_end(struct writer *writer)
{
	int err = tell(writer, vhdx_session_end(writer->session));

	vhdx_session_free(writer->session);
	return err;
}
