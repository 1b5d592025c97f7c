// SPDX-License-Identifier: GPL-2.0-only
/*
 * Between VHDX and raw, without NBD in between, which costs more of the processor:
 * see Documentation/benchmarks.rst.
 */
#include "convert-copy.h"
#include "convert-mark.h"
#include "convert.h"
#include "findings.h"
#include "message.h"
#include "place.h"
#include "wipe.h"

static int open_vhdx(const struct conversion *conversion, const char *path,
		     const char *name, bool writes, struct convert_end *end)
{
	const struct options *options = conversion->options;
	const struct disk_options child = {
		.sink = sink_messages(),
		.parents = options->parents,
		.parent_count = options->parent_count,
		.parents_anywhere = true,
		.writable = writes ? 1 : 0,
	};

	return convert_end_vhdx(end, path, name, &child);
}

static int open_source(const struct conversion *conversion,
		       struct convert_end *end)
{
	const struct options *options = conversion->options;
	const struct disk_options chain = {
		.sink = sink_messages(),
		.parents_anywhere = options->parents_anywhere,
		.ignore_id = options->ignore_id,
	};
	char path[PLACE_PATH_SIZE];

	place_path(conversion->fd, path);
	return conversion->from == FORMAT_VHDX ?
		       convert_end_vhdx(end, path, conversion->source, &chain) :
		       convert_end_raw(end, path, conversion->source,
				       USER_READ);
}

static int too_small(const struct conversion *conversion,
		     const struct convert_end *end)
{
	msg_err("%s: has %llu bytes, and the disk of %s has %llu",
		conversion->place.name, end->size, conversion->source,
		conversion->size);
	return -ENOSPC;
}

/* No ancestor of the source is overwritten, either. */
static int keep_chain(const struct conversion *conversion,
		      const struct convert_end *source)
{
	const struct user_store *file;
	int err = 0;
	u32 i;

	if (!source->is_vhdx)
		return 0;
	for (i = 0; i < source->served.disk->depth && !err; i++) {
		file = &source->served.disk->layer[i]->file;
		if (file->device)
			err = convert_keep(conversion, file->dev);
	}
	return err;
}

/* Wipe old signatures: nobody must take the device for its old contents. */
static int prepare_device(const struct conversion *conversion,
			  const struct convert_end *end)
{
	int err;

	if (end->size < conversion->size)
		return too_small(conversion, end);
	err = wipe_signatures(end->raw.fd);
	if (err)
		msg_err("%s: the signatures of what was on the device cannot be wiped: %s",
			conversion->place.name, strerror(-err));
	return err;
}

static int new_raw(struct conversion *conversion,
		   struct convert_end *end)
{
	const struct new_place *place = &conversion->place;
	int err;

	if (!place->device)
		return convert_end_new_raw(end, place->path, place->name,
					   convert_size(conversion),
					   conversion->options->no_sparse);
	err = convert_end_raw(end, place->path, place->name, USER_WRITE);
	if (err)
		return err;
	err = prepare_device(conversion, end);
	if (err)
		convert_end_close(end);
	else
		conversion->begun = true;
	return err;
}

static int new_vhdx(struct conversion *conversion, struct convert_mark *mark,
		    struct convert_end *end)
{
	const struct new_place *place = &conversion->place;
	int err = convert_new_vhdx(conversion);

	if (err)
		return err;
	conversion->begun = true;
	err = open_vhdx(conversion, place->path, place->name, true, end);
	if (err)
		return err;
	end->served.disk->layer[0]->file.no_holes =
		conversion->options->no_sparse && !place->device;
	err = convert_mark_hide(mark, end);
	if (err)
		convert_end_close(end);
	return err;
}

static int open_dest(struct conversion *conversion,
		     const struct convert_end *source,
		     struct convert_mark *mark, struct convert_end *end)
{
	int err = keep_chain(conversion, source);

	if (err)
		return err;
	return conversion->to == FORMAT_VHDX ? new_vhdx(conversion, mark, end) :
					       new_raw(conversion, end);
}

static const struct user_store *file_of(const struct convert_end *end)
{
	return end->is_vhdx ? &end->served.disk->layer[0]->file : &end->raw;
}

static int check_holes(const struct conversion *conversion,
		       const struct convert_end *dest)
{
	int r;

	if (!conversion->options->no_sparse || file_of(dest)->device)
		return 0;
	r = user_store_is_sparse(file_of(dest));
	if (r > 0) {
		msg_err("%s: this file system keeps holes, or compresses: the file would be sparse",
			dest->name);
		return -EOPNOTSUPP;
	}
	return r;
}

static int finish(const struct conversion *conversion,
		  const struct convert_mark *mark, struct convert_end *dest)
{
	int err = convert_end_finish(dest);

	if (err) {
		msg_err("%s: what was written is not durable: %s", dest->name,
			strerror(-err));
		return err;
	}
	err = convert_mark_show(mark, dest);
	return err ? err : check_holes(conversion, dest);
}

/* What was written is read anew, by whoever reads such a file. */
static int verify(const struct conversion *conversion,
		  struct convert_end *source)
{
	const struct new_place *place = &conversion->place;
	struct convert_end dest;
	int err;

	err = conversion->to == FORMAT_VHDX ?
		      open_vhdx(conversion, place->path, place->name, false,
				&dest) :
		      convert_end_raw(&dest, place->path, place->name,
				      USER_READ);
	if (err)
		return err;
	/* A device goes on behind the disk that is on it now. */
	if (place->device && !dest.is_vhdx)
		dest.size = min(dest.size, source->size);
	err = convert_compare(source, &dest);
	convert_end_close(&dest);
	return err;
}

/**
 * convert_direct() - convert between VHDX and raw, by our own threads
 * @conversion: from convert_plan()
 *
 * A VHDX image on a device gets its file identifier when all else is durable.
 *
 * Return: 0, and the destination is whole and durable, without its name; or a
 * negative errno after a message; -EINTR after a signal, without.
 */
int convert_direct(struct conversion *conversion)
{
	struct convert_end source, dest;
	struct convert_mark mark;
	int err = open_source(conversion, &source);

	if (err)
		return err;
	err = open_dest(conversion, &source, &mark, &dest);
	if (!err) {
		err = convert_copy(&source, &dest,
				   conversion->options->parent_count,
				   &conversion->copied);
		if (!err)
			err = finish(conversion, &mark, &dest);
		convert_end_close(&dest);
	}
	if (!err && conversion->options->verify)
		err = verify(conversion, &source);
	convert_end_close(&source);
	return err;
}
