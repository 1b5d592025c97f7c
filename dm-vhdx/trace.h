/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: events/vhdx in tracefs.
 *
 *   vhdx_map_bio	a bio, or its first part, is mapped
 *   vhdx_allocate	a write has found its block absent
 *   vhdx_commit	changes of the BAT are durable
 *   vhdx_checkpoint	changes of the BAT are in their places
 *   vhdx_replay	a log was replayed on disk
 *   vhdx_end		a session has ended
 *
 * Events name devices by number. Offsets on the virtual disk and in the image
 * are in bytes.
 *
 * trace.h APIs:
 *   vhdx_dev()		get the number of a device
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vhdx

#if !defined(VHDX_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VHDX_TRACE_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/tracepoint.h>

#include "engine/session.h"

TRACE_DEFINE_ENUM(VHDX_RUN_ZERO);
TRACE_DEFINE_ENUM(VHDX_RUN_DATA);
TRACE_DEFINE_ENUM(VHDX_RUN_COPY);

#define show_vhdx_run(kind)				\
	__print_symbolic(kind,				\
			 { VHDX_RUN_ZERO, "zeros" },	\
			 { VHDX_RUN_DATA, "data" },	\
			 { VHDX_RUN_COPY, "copy" })

TRACE_EVENT(vhdx_map_bio,
	TP_PROTO(const struct bio *bio, u64 pos, const struct vhdx_run *run),
	TP_ARGS(bio, pos, run),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(unsigned int, op)
		__field(u64, pos)
		__field(u32, kind)
		__field(u32, layer)
		__field(u64, offset)
		__field(u64, length)
	),
	TP_fast_assign(
		__entry->dev = bio_dev(bio);
		__entry->op = (__force unsigned int)bio_op(bio);
		__entry->pos = pos;
		__entry->kind = run->kind;
		__entry->layer = run->kind == VHDX_RUN_ZERO ? 0 : run->layer;
		__entry->offset = run->kind == VHDX_RUN_ZERO ? 0 : run->offset;
		__entry->length = run->length;
	),
	TP_printk("%d:%d op=%u pos=%llu %s layer=%u offset=%llu length=%llu",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->op,
		  __entry->pos, show_vhdx_run(__entry->kind), __entry->layer,
		  __entry->offset, __entry->length)
);

TRACE_EVENT(vhdx_allocate,
	TP_PROTO(dev_t dev, u64 pos, int err, const struct vhdx_run *run),
	TP_ARGS(dev, pos, err, run),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, pos)
		__field(int, err)
		__field(u64, offset)
		__field(u64, length)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->pos = pos;
		__entry->err = err;
		__entry->offset = err ? 0 : run->offset;
		__entry->length = err ? 0 : run->length;
	),
	TP_printk("%d:%d pos=%llu err=%d offset=%llu length=%llu",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->pos,
		  __entry->err, __entry->offset, __entry->length)
);

DECLARE_EVENT_CLASS(vhdx_session,
	TP_PROTO(dev_t dev, unsigned int flags, int err,
		 const struct vhdx_session *session),
	TP_ARGS(dev, flags, err, session),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(unsigned int, flags)
		__field(int, err)
		__field(u64, commits)
		__field(u64, checkpoints)
		__field(u32, ready)
		__field(u64, flushes)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->flags = flags;
		__entry->err = err;
		__entry->commits = session->stats.commits;
		__entry->checkpoints = session->stats.checkpoints;
		__entry->ready = READ_ONCE(session->prepared.count);
		__entry->flushes = session->journal.flushes;
	),
	TP_printk("%d:%d %s err=%d commits=%llu checkpoints=%llu ready=%u flushes=%llu",
		  MAJOR(__entry->dev), MINOR(__entry->dev),
		  __print_flags(__entry->flags, "|",
				{ VHDX_WORK_BEGIN, "begin" },
				{ VHDX_WORK_COMMIT, "commit" },
				{ VHDX_WORK_CHECKPOINT, "checkpoint" }),
		  __entry->err, __entry->commits, __entry->checkpoints,
		  __entry->ready, __entry->flushes)
);

DEFINE_EVENT(vhdx_session, vhdx_commit,
	TP_PROTO(dev_t dev, unsigned int flags, int err,
		 const struct vhdx_session *session),
	TP_ARGS(dev, flags, err, session)
);

DEFINE_EVENT(vhdx_session, vhdx_checkpoint,
	TP_PROTO(dev_t dev, unsigned int flags, int err,
		 const struct vhdx_session *session),
	TP_ARGS(dev, flags, err, session)
);

DECLARE_EVENT_CLASS(vhdx_image,
	TP_PROTO(dev_t dev, int err),
	TP_ARGS(dev, err),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->err = err;
	),
	TP_printk("%d:%d err=%d", MAJOR(__entry->dev), MINOR(__entry->dev),
		  __entry->err)
);

DEFINE_EVENT(vhdx_image, vhdx_replay,
	TP_PROTO(dev_t dev, int err),
	TP_ARGS(dev, err)
);

DEFINE_EVENT(vhdx_image, vhdx_end,
	TP_PROTO(dev_t dev, int err),
	TP_ARGS(dev, err)
);

#ifndef VHDX_TRACE_DEV
#define VHDX_TRACE_DEV

/**
 * vhdx_dev() - get the number of a device
 * @ti: a target of its table
 *
 * Context: any, while the table exists.
 * Return: major and minor.
 */
static inline dev_t vhdx_dev(const struct dm_target *ti)
{
	return disk_devt(dm_disk(dm_table_get_md(ti->table)));
}

#endif /* VHDX_TRACE_DEV */

#endif /* VHDX_TRACE_H */

/* Kbuild adds the directory to the path, in the tree and out of it. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
