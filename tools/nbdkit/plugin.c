// SPDX-License-Identifier: GPL-2.0-only
/* nbdkit-vhdx-plugin: serves VHDX images over NBD, with the module's engine. */
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>
#include <unistd.h>

#include "console.h"
#include "findings.h"
#include "foreign.h"
#include "message.h"
#include "place.h"
#include "served.h"

/*
 * Threads hold a mutex for lookups only, and read and write the disk's bytes in
 * parallel: see served.h.
 */
#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

static struct config {
	char *file;
	char *parents[VHDX_CHAIN_MAX];
	unsigned int parent_count;
	bool parents_anywhere;
	bool ignore_id;
} config;

/*
 * All connections share the disk. The first connection decides whether they
 * write it: nbdkit does not report -r before that.
 */
static struct served served;
static bool is_open;
static bool can_write;

/* Guards the three above and the two below. */
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
static unsigned int connections;
static unsigned int writers;

/**
 * struct connection - a client
 * @writes: the client may write
 */
struct connection {
	bool writes;
};

static void log_message(enum console_level level, const char *line)
{
	if (level >= CONSOLE_VERBOSE)
		nbdkit_debug("%s", line);
	else
		nbdkit_error("%s", line);
}

static void vhdx_load(void)
{
	console_set_output(log_message);
	/* Print everything: nbdkit drops debug messages unless it has -v. */
	console_set_level(CONSOLE_DEBUG);
}

/* Without a writer, leave a clean file, which can be copied. */
static void settle_disk(void)
{
	if (served_settle(&served))
		msg_err("%s: is not clean; the next who writes it replays its log",
			config.file);
}

static void close_disk(void)
{
	if (is_open && can_write)
		settle_disk();
	if (is_open)
		served_close(&served);
	is_open = false;
	can_write = false;
}

/* nbdkit ends on a signal without closing its connections. */
static void vhdx_unload(void)
{
	unsigned int i;

	pthread_mutex_lock(&opening);
	close_disk();
	pthread_mutex_unlock(&opening);
	free(config.file);
	for (i = 0; i < config.parent_count; i++)
		free(config.parents[i]);
}

/* Make paths absolute: nbdkit may change its directory before they are used. */
static int set_file(const char *value)
{
	if (config.file) {
		msg_err("file=%s: one image is served, and file=%s is it",
			value, config.file);
		return -1;
	}
	config.file = nbdkit_absolute_path(value);
	return config.file ? 0 : -1;
}

static int add_parent(const char *value)
{
	char *path;

	if (config.parent_count == VHDX_CHAIN_MAX) {
		msg_err("parent=%s: more than %u parents", value,
			VHDX_CHAIN_MAX);
		return -1;
	}
	path = nbdkit_absolute_path(value);
	if (!path)
		return -1;
	config.parents[config.parent_count++] = path;
	return 0;
}

static int set_bool(bool *option, const char *value)
{
	int r = nbdkit_parse_bool(value);

	if (r < 0)
		return -1;
	*option = r;
	return 0;
}

static int vhdx_config(const char *key, const char *value)
{
	if (!strcmp(key, "file"))
		return set_file(value);
	if (!strcmp(key, "parent"))
		return add_parent(value);
	if (!strcmp(key, "parents-anywhere"))
		return set_bool(&config.parents_anywhere, value);
	if (!strcmp(key, "ignore-id-mismatch"))
		return set_bool(&config.ignore_id, value);
	msg_err("unknown parameter %s=%s; there are file, parent, parents-anywhere and ignore-id-mismatch",
		key, value);
	return -1;
}

static int vhdx_config_complete(void)
{
	if (config.file)
		return 0;
	msg_err("name an image: nbdkit vhdx disk.vhdx");
	return -1;
}

static int open_disk(bool writable)
{
	const struct disk_options options = {
		.sink = sink_messages(),
		.parents = (const char *const *)config.parents,
		.parent_count = config.parent_count,
		.parents_anywhere = config.parents_anywhere,
		.ignore_id = config.ignore_id,
		.writable = writable ? 1 : 0,
	};
	int place, err = place_find(config.file, &place);

	if (err)
		return err;
	err = served_open(&served, place, config.file, &options);
	if (err == -EMEDIUMTYPE)
		foreign_explain(place, config.file);
	close(place);
	is_open = !err;
	can_write = !err && writable;
	return err;
}

/*
 * Open the image before nbdkit serves, so that the user sees its faults and
 * nbdkit fails. Then close it again: nbdkit forks next, and both processes
 * would hold the locks.
 */
static int vhdx_get_ready(void)
{
	if (open_disk(false))
		return -1;
	close_disk();
	return 0;
}

/* The first opening has printed the warnings. */
static int open_again(bool writable)
{
	int err;

	console_set_level(CONSOLE_QUIET);
	err = open_disk(writable);
	console_set_level(CONSOLE_DEBUG);
	return err;
}

static int vhdx_after_fork(void)
{
	return open_again(false) ? -1 : 0;
}

/* Return why a client cannot write the disk, or NULL. */
static const char *keeps_from_writing(void)
{
	struct layer *layer = served.disk->layer[0];
	const char *why = user_store_read_only(&layer->file);

	if (!why && connections)
		why = "a client that only reads has it";
	if (!why && vhdx_session_check(layer->image, &layer->report))
		why = "writing is not safe";
	return why;
}

/*
 * Open the image again for writing, with other locks. If that fails, serve it
 * read-only as before.
 */
static int begin_writing(void)
{
	const char *why = keeps_from_writing();
	int err;

	if (why) {
		msg_warn("%s: can only be read: %s", config.file, why);
		return 0;
	}
	close_disk();
	err = open_again(true);
	if (err == -EROFS)
		return open_again(false);
	/* The next client may try again. */
	if (err)
		open_again(false);
	return err;
}

static void *vhdx_open(int readonly)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	int err = connection ? 0 : -ENOMEM;

	pthread_mutex_lock(&opening);
	if (!err && !is_open)
		err = open_again(false);
	if (!err && !readonly && !can_write)
		err = begin_writing();
	if (!err) {
		connection->writes = can_write && !readonly;
		connections++;
		writers += connection->writes;
	}
	pthread_mutex_unlock(&opening);
	if (!err)
		return connection;
	free(connection);
	return NULL;
}

static void vhdx_close(void *handle)
{
	struct connection *connection = handle;

	pthread_mutex_lock(&opening);
	connections--;
	if (connection->writes && !--writers)
		settle_disk();
	pthread_mutex_unlock(&opening);
	free(connection);
}

static int64_t vhdx_get_size(void *handle)
{
	(void)handle;
	return (int64_t)served.disk->chain->size;
}

static u32 sector_size(void)
{
	return served.disk->layer[0]->image->params.logical_sector;
}

static int vhdx_block_size(void *handle, uint32_t *minimum,
			   uint32_t *preferred, uint32_t *maximum)
{
	(void)handle;
	*minimum = sector_size();
	*preferred = max(sector_size(), VHDX_PAGE);
	*maximum = U32_MAX;
	return 0;
}

/* A flush makes writes of all connections durable: they share one disk. */
static int vhdx_can_multi_conn(void *handle)
{
	(void)handle;
	return 1;
}

static int writes(void *handle)
{
	const struct connection *connection = handle;

	return connection->writes;
}

static int vhdx_can_fua(void *handle)
{
	return writes(handle) ? NBDKIT_FUA_NATIVE : NBDKIT_FUA_NONE;
}

static int vhdx_can_extents(void *handle)
{
	(void)handle;
	return 1;
}

/* NBD has these errnos only; nbdkit turns all others into EINVAL. */
static int fail(const char *what, u64 pos, u64 len, int err)
{
	int code = EIO;

	if (vhdx_store_no_room(err))
		code = ENOSPC;
	else if (err == -ENOMEM || err == -EINVAL)
		code = -err;
	msg_err("cannot %s %llu bytes at offset 0x%llx: %s", what, len,
		pos, strerror(code));
	nbdkit_set_error(code);
	return -1;
}

/* nbdkit does not enforce block_size(). */
static bool in_sectors(const char *what, u64 pos, u64 len)
{
	if (!((pos | len) & (sector_size() - 1)))
		return true;
	msg_err("cannot %s %llu bytes at offset 0x%llx: the disk has sectors of %u bytes; remedy: nbdkit --filter=blocksize",
		what, len, pos, sector_size());
	nbdkit_set_error(EINVAL);
	return false;
}

static int vhdx_pread(void *handle, void *buf, uint32_t count, uint64_t offset,
		      uint32_t flags)
{
	int err;

	(void)handle;
	(void)flags;
	if (!in_sectors("read", offset, count))
		return -1;
	err = served_read(&served, offset, buf, count);
	return err ? fail("read", offset, count, err) : 0;
}

/* Return what a change returned; flush first if the client demands that. */
static int changed(const char *what, u64 pos, u64 len, int err, uint32_t flags)
{
	if (!err && flags & NBDKIT_FLAG_FUA)
		err = served_flush(&served);
	return err ? fail(what, pos, len, err) : 0;
}

static int vhdx_pwrite(void *handle, const void *buf, uint32_t count,
		       uint64_t offset, uint32_t flags)
{
	(void)handle;
	if (!in_sectors("write", offset, count))
		return -1;
	return changed("write", offset, count,
		       served_write(&served, offset, buf, count), flags);
}

static int vhdx_trim(void *handle, uint32_t count, uint64_t offset,
		     uint32_t flags)
{
	(void)handle;
	if (!in_sectors("discard", offset, count))
		return -1;
	return changed("discard", offset, count,
		       served_zero(&served, VHDX_ZERO_DISCARD, offset, count),
		       flags);
}

static int vhdx_zero(void *handle, uint32_t count, uint64_t offset,
		     uint32_t flags)
{
	enum vhdx_zero why = flags & NBDKIT_FLAG_MAY_TRIM ? VHDX_ZERO_WRITE :
							    VHDX_ZERO_KEEP;

	(void)handle;
	if (!in_sectors("zero", offset, count))
		return -1;
	return changed("zero", offset, count,
		       served_zero(&served, why, offset, count), flags);
}

static int vhdx_flush(void *handle, uint32_t flags)
{
	int err = served_flush(&served);

	(void)handle;
	(void)flags;
	return err ? fail("flush", 0, served.disk->chain->size, err) : 0;
}

/* A block without space reads as zeros, whatever its state. */
static uint32_t extent_type(const struct vhdx_run *run)
{
	if (run->kind == VHDX_RUN_ZERO)
		return NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO;
	return 0;
}

static int vhdx_extents(void *handle, uint32_t count, uint64_t offset,
			uint32_t flags, struct nbdkit_extents *extents)
{
	u64 sector = sector_size();
	u64 pos = ALIGN_DOWN((u64)offset, sector);
	u64 end = ALIGN((u64)offset + count, sector);
	struct vhdx_run run;
	int err;

	(void)handle;
	for (; pos < end; pos += run.length) {
		err = served_piece(&served, pos, end - pos, &run);
		if (err)
			return fail("map", pos, end - pos, err);
		if (nbdkit_add_extent(extents, pos, run.length,
				      extent_type(&run)))
			return -1;
		if (flags & NBDKIT_FLAG_REQ_ONE)
			break;
	}
	return 0;
}

#define CONFIG_HELP \
	"[file=]<IMAGE>           (required) The VHDX image.\n" \
	"parent=<PATH>            Its parent; again for the parent of that.\n" \
	"parents-anywhere=true    Follow a locator out of the image's directory.\n" \
	"ignore-id-mismatch=true  Take a parent that changed since."

static struct nbdkit_plugin plugin = {
	.name = "vhdx",
	.longname = "nbdkit VHDX plugin",
	.description = "serve VHDX images, with their parents",
	.load = vhdx_load,
	.unload = vhdx_unload,
	.config = vhdx_config,
	.config_complete = vhdx_config_complete,
	.config_help = CONFIG_HELP,
	.magic_config_key = "file",
	.get_ready = vhdx_get_ready,
	.after_fork = vhdx_after_fork,
	.open = vhdx_open,
	.close = vhdx_close,
	.get_size = vhdx_get_size,
	.block_size = vhdx_block_size,
	.can_multi_conn = vhdx_can_multi_conn,
	.can_extents = vhdx_can_extents,
	.can_write = writes,
	.can_flush = writes,
	.can_trim = writes,
	.can_zero = writes,
	.can_fua = vhdx_can_fua,
	.pread = vhdx_pread,
	.pwrite = vhdx_pwrite,
	.trim = vhdx_trim,
	.zero = vhdx_zero,
	.flush = vhdx_flush,
	.extents = vhdx_extents,
};

NBDKIT_REGISTER_PLUGIN(plugin)
