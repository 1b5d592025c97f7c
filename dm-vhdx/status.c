// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm's ->status: the texts INFO, TABLE and IMA.
 */
#include <linux/compiler.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "device.h"
#include "engine/image.h"
#include "printable.h"
#include "status.h"
#include "store/file.h"

static const char *store_flag(const struct vhdx_layer *layer)
{
	if (layer->bdev)
		return "block";
	return layer->direct ? "direct" : "buffered";
}

static size_t emit_pages(const struct vhdx_target *t, char *result,
			 size_t maxlen, size_t sz)
{
	u64 resident = 0, limit = 0, loads = 0, evictions = 0;
	unsigned int i;

	for (i = 0; i < t->layers; i++) {
		struct vhdx_pool *pool = &t->chain->layer[i]->pool;

		spin_lock(&pool->lock);
		resident += pool->resident;
		limit += READ_ONCE(pool->limit);
		loads += pool->loads;
		evictions += pool->evictions;
		spin_unlock(&pool->lock);
	}
	DMEMIT(" %llu %llu %llu %llu", resident, limit, loads, evictions);
	return sz;
}

/*
 * Escape a text so that dm parses it as one argument and it prints as one line.
 * dm splits arguments at isspace(), which is true for byte 0xA0, a part of
 * UTF-8 letters. dmsetup takes "#" for the start of a comment. @special lists
 * further characters to escape.
 */
static size_t emit_escaped(char *result, size_t maxlen, size_t sz,
			   const char *text, const char *special)
{
	for (; *text; text++) {
		if (!vhdx_is_printable(*text) || strchr(" \\#", *text) ||
		    strchr(special, *text))
			DMEMIT("\\%03o", (unsigned char)*text);
		else
			DMEMIT("%c", *text);
	}
	return sz;
}

/*
 * Show a renamed file by its present name, so that the line can be reused. Show
 * a deleted file as /proc does: another file may have its last name by now.
 */
static size_t emit_name(const struct vhdx_layer *layer, char *result,
			size_t maxlen, size_t sz, const char *special)
{
	struct file *filp;
	const char *path;
	char *buf;

	if (layer->dev) {
		DMEMIT("%s", layer->dev->name);
		return sz;
	}
	filp = layer->file->filp;
	path = layer->name;
	buf = kmalloc(PATH_MAX, GFP_NOIO);
	if (buf) {
		path = file_path(filp, buf, PATH_MAX);
		if (IS_ERR(path))
			path = layer->name;
	}
	sz = emit_escaped(result, maxlen, sz, path, special);
	kfree(buf);
	return sz;
}

/* Show the counts of the session, if there is one. */
struct summary {
	enum vhdx_mode mode;
	struct vhdx_session_stats stats;
	bool live;
	bool lacking;
	bool expired;
	bool unwritten;
	const char *fault;
};

static void summarize_session(const struct vhdx_target *t,
			      struct summary *summary)
{
	const struct vhdx_committer *c = t->committer;
	struct vhdx_session *session = c ? vhdx_committer_session(c) : NULL;
	bool surveyed;
	u64 length;

	*summary = (struct summary){
		.mode = c ? VHDX_MODE_RW : VHDX_MODE_RO,
	};
	if (!session)
		return;
	spin_lock(&session->image->pool.lock);
	summary->mode = session->mode;
	summary->stats = session->stats;
	summary->live = session->live;
	/* The committer sets it without the lock; until then false is right. */
	surveyed = data_race(session->surveyed);
	spin_unlock(&session->image->pool.lock);
	summary->lacking = READ_ONCE(c->room.lacking);
	summary->expired = READ_ONCE(c->room.expired);
	if (summary->mode == VHDX_MODE_RW)
		return;
	/* The text is written once, when the mode changes. */
	summary->fault = session->reason;
	/*
	 * The first write waits for the survey, which a failed session never
	 * completes. A truncation of the file counts in any case.
	 */
	summary->unwritten = !surveyed && !READ_ONCE(c->cut) &&
			     !vhdx_store_is_cut(c->image->store, &length);
}

static size_t emit_flags(const struct vhdx_target *t,
			 const struct summary *summary, char *result,
			 size_t maxlen, size_t sz)
{
	/* A replay on disk may run; it ends by freeing the log. */
	bool dirty = data_race(t->chain->layer[0]->log.count);
	bool ignored = t->options.ignore_id_mismatch;

	DMEMIT(" %u %s", 1U + dirty + summary->live + summary->lacking +
	       ignored + !!summary->fault + summary->unwritten,
	       store_flag(&t->layer[0]));
	if (dirty)
		DMEMIT(" dirty_log");
	if (summary->live)
		DMEMIT(" live");
	if (summary->lacking)
		DMEMIT(" no_space%s", summary->expired ? "_failing" : "");
	if (ignored)
		DMEMIT(" id_mismatch_ignored");
	if (!summary->fault)
		return sz;
	if (summary->unwritten)
		DMEMIT(" unwritten");
	DMEMIT(" fault=");
	return emit_escaped(result, maxlen, sz, summary->fault, "");
}

static void emit_info(const struct vhdx_target *t, char *result,
		      unsigned int maxlen)
{
	static const char * const modes[] = {
		[VHDX_MODE_RW] = "rw",
		[VHDX_MODE_RO] = "ro",
	};
	struct summary summary;
	size_t sz = 0;

	summarize_session(t, &summary);
	DMEMIT("%s %u", modes[summary.mode], t->layers);
	sz = emit_pages(t, result, maxlen, sz);
	DMEMIT(" %lld", (long long)atomic64_read(&t->deferred));
	DMEMIT(" %llu %llu %llu", summary.stats.allocated, summary.stats.freed,
	       summary.stats.commits);
	emit_flags(t, &summary, result, maxlen, sz);
}

/* A disk that has grown needs no feature for that any more. */
static bool is_to_grow(const struct vhdx_target *t)
{
	return t->options.grow &&
	       READ_ONCE(t->chain->size) >> SECTOR_SHIFT < t->ti->len;
}

/* Show the arguments of a table line that makes this device. */
static void emit_table(const struct vhdx_target *t, char *result,
		       unsigned int maxlen)
{
	const struct vhdx_options *options = &t->options;
	bool grow = is_to_grow(t);
	unsigned int i, count;
	size_t sz = 0;

	for (i = 0; i < t->layers; i++) {
		if (i)
			DMEMIT(" ");
		sz = emit_name(&t->layer[i], result, maxlen, sz, "");
	}
	count = 2 * !!options->bat_cache + options->ignore_id_mismatch +
		options->buffered + options->read_only +
		2 * options->no_space_given + options->no_discard +
		2 * !!options->discard_granularity + grow;
	if (!count)
		return;
	DMEMIT(" %u", count);
	if (options->bat_cache)
		DMEMIT(" bat_cache %u", options->bat_cache);
	if (options->ignore_id_mismatch)
		DMEMIT(" ignore_id_mismatch");
	if (options->buffered)
		DMEMIT(" buffered");
	if (options->read_only)
		DMEMIT(" read_only");
	if (options->no_space_given)
		DMEMIT(" no_space_timeout %u", options->no_space_timeout);
	if (options->no_discard)
		DMEMIT(" no_discard");
	if (options->discard_granularity)
		DMEMIT(" discard_granularity %u", options->discard_granularity);
	if (grow)
		DMEMIT(" grow");
}

/*
 * Show what the device consists of; IMA measures this when the table is loaded.
 */
static void emit_ima(const struct vhdx_target *t, char *result,
		     unsigned int maxlen)
{
	unsigned int i;
	size_t sz = 0;

	DMEMIT_TARGET_NAME_VERSION(t->ti->type);
	DMEMIT(",layers=%u,virtual_size=%llu", t->layers, t->chain->size);
	for (i = 0; i < t->layers; i++) {
		DMEMIT(",image_%u=", i);
		sz = emit_name(&t->layer[i], result, maxlen, sz, ",;=");
		DMEMIT(",data_write_guid_%u=%pUl", i,
		       vhdx_image_identity(t->chain->layer[i]));
	}
	DMEMIT(",ignore_id_mismatch=%c;",
	       t->options.ignore_id_mismatch ? 'y' : 'n');
}

/**
 * vhdx_status() - dm's ->status
 * @ti: the target
 * @type: the text to show
 * @flags: DM_STATUS_*; ignored, since no text needs a flush
 * @result: receives the text
 * @maxlen: bytes in @result
 *
 * Context: process context; the device may be suspended.
 */
void vhdx_status(struct dm_target *ti, status_type_t type, unsigned int flags,
		 char *result, unsigned int maxlen)
{
	const struct vhdx_target *t = ti->private;

	switch (type) {
	case STATUSTYPE_INFO:
		emit_info(t, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		emit_table(t, result, maxlen);
		break;
	case STATUSTYPE_IMA:
		emit_ima(t, result, maxlen);
		break;
	}
}
