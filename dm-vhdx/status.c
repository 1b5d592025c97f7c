// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device tells about itself.
 */
#include <linux/compiler.h>

#include "engine/image.h"
#include "status.h"
#include "target.h"

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
		const struct vhdx_pool *pool = &t->chain->layer[i]->pool;

		resident += READ_ONCE(pool->resident);
		limit += READ_ONCE(pool->limit);
		loads += READ_ONCE(pool->loads);
		evictions += READ_ONCE(pool->evictions);
	}
	DMEMIT(" %llu %llu %llu %llu", resident, limit, loads, evictions);
	return sz;
}

static void emit_info(const struct vhdx_target *t, char *result,
		      unsigned int maxlen)
{
	bool dirty = t->chain->layer[0]->log.count;
	bool ignored = t->options.ignore_id_mismatch;
	size_t sz = 0;

	DMEMIT("%u", t->layers);
	sz = emit_pages(t, result, maxlen, sz);
	DMEMIT(" %lld", (long long)atomic64_read(&t->deferred));
	DMEMIT(" %u ro %s", 2U + dirty + ignored, store_flag(&t->layer[0]));
	if (dirty)
		DMEMIT(" dirty_log");
	if (ignored)
		DMEMIT(" id_mismatch_ignored");
}

/* Measured as the table is loaded: what the device is made of. */
static void emit_ima(const struct vhdx_target *t, char *result,
		     unsigned int maxlen)
{
	unsigned int i;
	size_t sz = 0;

	DMEMIT_TARGET_NAME_VERSION(t->ti->type);
	DMEMIT(",layers=%u,virtual_size=%llu", t->layers, t->chain->size);
	for (i = 0; i < t->layers; i++) {
		DMEMIT(",image_%u=", i);
		sz = vhdx_layer_emit(&t->layer[i], result, maxlen, sz, ",;=");
		DMEMIT(",data_write_guid_%u=%pUl", i,
		       vhdx_image_identity(t->chain->layer[i]));
	}
	DMEMIT(",ignore_id_mismatch=%c;",
	       t->options.ignore_id_mismatch ? 'y' : 'n');
}

/**
 * vhdx_status() - dm's ->status
 * @ti: the target
 * @type: which of the texts
 * @flags: DM_STATUS_*: nothing here needs a flush
 * @result: where to write
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
		vhdx_table_emit(t, result, maxlen);
		break;
	case STATUSTYPE_IMA:
		emit_ima(t, result, maxlen);
		break;
	}
}
