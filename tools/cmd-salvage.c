// SPDX-License-Identifier: GPL-2.0-only
/* salvage: put what can be read of a damaged image into a new, clean one. */
#include <unistd.h>

#include "document.h"
#include "exit-codes.h"
#include "findings.h"
#include "foreign.h"
#include "holders.h"
#include "info-tree.h"
#include "lost-list.h"
#include "message.h"
#include "open-image.h"
#include "place.h"
#include "salvage-claims.h"
#include "salvage-copy.h"
#include "salvage-read.h"
#include "salvage.h"
#include "verbs.h"

/**
 * struct rescue - one salvage
 * @options: of the command line
 * @path: of the damaged image
 * @report: hears what the engine guesses
 * @sink: hears what it finds
 * @guesses: all guesses, for JSON
 * @salvage: the damaged image, mended
 * @mended: @salvage is in use
 * @disk: the same, and its parents, open
 * @copy: what is made
 * @reader: reads the disk
 * @list: what is lost
 * @progress: shown meanwhile
 * @read: bytes that were read
 * @reading: findings say of single blocks what the list says of all
 */
struct rescue {
	const struct options *options;
	const char *path;
	struct vhdx_report report;
	struct disk_sink sink;
	struct json_object *guesses;
	struct vhdx_salvage salvage;
	bool mended;
	struct disk *disk;
	struct salvage_copy copy;
	struct salvage_reader reader;
	struct lost_list list;
	struct progress progress;
	u64 read;
	bool reading;
};

static void hear_guess(struct vhdx_report *report,
		       const struct vhdx_finding *finding)
{
	struct rescue *rescue = container_of(report, struct rescue, report);
	char sentence[VHDX_SENTENCE_MAX];

	vhdx_sentence(finding, sentence, sizeof(sentence));
	if (finding->severity == VHDX_WARN)
		tree_append(rescue->guesses, tree_string(sentence));
	progress_end(&rescue->progress);
	sink_messages()->finding(sink_messages(), rescue->path, finding);
}

static void hear(struct disk_sink *sink, const char *path,
		 const struct vhdx_finding *finding)
{
	struct rescue *rescue = container_of(sink, struct rescue, sink);

	if (!rescue->reading)
		sink_messages()->finding(sink_messages(), path, finding);
}

static struct vhdx_image *open_mended(struct rescue *rescue,
				      struct layer *layer)
{
	struct vhdx_image *image =
		vhdx_image_open(&rescue->salvage.mend.store,
				VHDX_POOL_PAGES_DEFAULT, &layer->report);
	int err;

	if (IS_ERR(image))
		return image;
	err = vhdx_salvage_claims(&rescue->salvage, image);
	if (!err)
		return image;
	vhdx_image_close(image);
	return ERR_PTR(err);
}

static struct vhdx_image *understand(struct layer *layer, void *context)
{
	struct rescue *rescue = context;
	const struct options *options = rescue->options;
	const struct vhdx_salvage_hints hints = {
		.size = options->size,
		.block_size = (u32)min_t(u64, options->block_size, U32_MAX),
		.logical_sector =
			(u32)min_t(u64, options->sector_size, U32_MAX),
		.no_log = options->no_log,
	};
	struct vhdx_image *image;
	int err;

	rescue->mended = true;
	progress_begin(&rescue->progress, "search");
	err = vhdx_salvage_begin(&rescue->salvage, &layer->file.store, &hints,
				 &rescue->progress.engine, &rescue->report);
	image = err ? ERR_PTR(err) : open_mended(rescue, layer);
	progress_end(&rescue->progress);
	if (PTR_ERR(image) == -EINTR)
		msg_err("%s: interrupted: nothing is salvaged", rescue->path);
	return image;
}

/* With the parents that are there, or as if they held zeros. */
static int follow(struct rescue *rescue)
{
	int err = disk_follow(rescue->disk);

	if (err == -ENOLINK || err == -ESTALE)
		msg_err("%s: --no-parents salvages what the child itself has",
			rescue->path);
	return err;
}

static int open_damaged(struct rescue *rescue)
{
	const struct options *options = rescue->options;
	const struct disk_options disk_options = {
		.sink = &rescue->sink,
		.parents = options->parents,
		.parent_count = options->parent_count,
		.parents_anywhere = options->parents_anywhere,
		.no_parents = options->no_parents,
		.ignore_id = options->ignore_id,
		.alone = true,
		.understand = understand,
		.context = rescue,
	};
	int place, err = place_find(rescue->path, &place);

	if (err)
		return err;
	err = disk_open(place, rescue->path, &disk_options, &rescue->disk);
	if (err == -EMEDIUMTYPE)
		foreign_explain(place, rescue->path);
	if (err == -ETXTBSY)
		holders_explain(place, rescue->path);
	close(place);
	return err ? err : follow(rescue);
}

static int take_data(struct salvage_reader *reader, u64 pos, const void *buf,
		     u64 length)
{
	struct rescue *rescue = container_of(reader, struct rescue, reader);

	rescue->read += length;
	return salvage_copy_write(&rescue->copy, pos, buf, length);
}

static int take_lost(struct salvage_reader *reader, u64 pos, u64 length,
		     enum vhdx_lost why, u32 layer)
{
	struct rescue *rescue = container_of(reader, struct rescue, reader);

	lost_list_add(&rescue->list, pos, length, why, layer);
	return ferror(stdout) ? -EIO : 0;
}

static int read_disk(struct rescue *rescue)
{
	struct salvage_reader *reader = &rescue->reader;
	int err;

	*reader = (struct salvage_reader){
		.disk = rescue->disk,
		.mend = &rescue->salvage.mend,
		.retries = rescue->options->given[OPT_RETRIES] ?
				   rescue->options->retries : 1,
		.progress = &rescue->progress,
		.data = take_data,
		.lost = take_lost,
		.buf = malloc(VHDX_MIB),
	};
	if (!reader->buf)
		return -ENOMEM;
	rescue->reading = true;
	progress_begin(&rescue->progress, "salvage");
	err = salvage_read(reader);
	progress_end(&rescue->progress);
	free(reader->buf);
	if (err == -EINTR)
		msg_err("%s: interrupted: %s is not made", rescue->path,
			rescue->copy.path);
	return err;
}

static void put_head(struct rescue *rescue)
{
	document_put("image", tree_string(rescue->disk->layer[0]->path));
	document_put("copy", tree_string(rescue->copy.path));
	document_put("disk",
		     info_disk(&rescue->disk->layer[0]->image->params));
	document_put("guesses", rescue->guesses);
	rescue->guesses = NULL;
}

static void put_tail(const struct rescue *rescue)
{
	document_put("read_bytes", tree_integer(rescue->read));
	document_put("lost_bytes", tree_integer(rescue->list.bytes));
	document_put("lost_ranges", tree_integer(rescue->list.count));
}

static void tell_end(const struct rescue *rescue)
{
	const struct lost_list *list = &rescue->list;
	char read[32], lost[32];

	tree_size_words(rescue->read, read, sizeof(read));
	tree_size_words(list->bytes, lost, sizeof(lost));
	if (list->count)
		msg_warn("%s: made; it has %s that could be read, and zeros for %s that are lost, in %llu %s",
			 rescue->copy.path, read, lost, list->count,
			 list->count == 1 ? "range" : "ranges");
	else
		msg_info("%s: made; nothing of the disk is lost, %s could be read",
			 rescue->copy.path, read);
}

static int make_copy(struct rescue *rescue)
{
	const struct vhdx_params *params =
		&rescue->disk->layer[0]->image->params;
	int err = salvage_copy_begin(&rescue->copy, params);

	if (!err)
		err = read_disk(rescue);
	if (!err)
		err = salvage_copy_end(&rescue->copy);
	salvage_copy_drop(&rescue->copy);
	return err;
}

static int salvage(struct rescue *rescue)
{
	int err = salvage_copy_check(&rescue->copy, rescue->disk);

	if (!err)
		err = lost_list_check(rescue->options, rescue->copy.path,
				      rescue->disk);
	if (err)
		return err;
	if (rescue->options->json)
		put_head(rescue);
	err = lost_list_begin(&rescue->list, rescue->options,
			      rescue->disk->chain->size, &rescue->progress);
	if (err)
		return err;
	err = make_copy(rescue);
	if (!err)
		err = lost_list_end(&rescue->list);
	else
		lost_list_drop(&rescue->list);
	if (err)
		return err;
	if (rescue->options->json)
		put_tail(rescue);
	tell_end(rescue);
	return rescue->list.count ? EXIT_LOST : 0;
}

/**
 * cmd_salvage() - the verb `salvage`
 * @options: of the command line
 * @args: the damaged image, and the file that is made
 *
 * Return: 0; EXIT_LOST if the copy is made and lacks something; or a negative
 * errno: there is no copy.
 */
int cmd_salvage(const struct options *options, char **args)
{
	struct rescue rescue = {
		.options = options,
		.path = args[0],
		.report.emit = hear_guess,
		.sink.finding = hear,
		.guesses = tree_list(),
		.copy = { .path = args[1], .force = options->force },
	};
	int err = parents_suit(options, true);

	if (!err)
		err = open_damaged(&rescue);
	if (!err)
		err = salvage(&rescue);
	disk_close(rescue.disk);
	if (rescue.mended)
		vhdx_salvage_end(&rescue.salvage);
	tree_free(rescue.guesses);
	return err;
}
