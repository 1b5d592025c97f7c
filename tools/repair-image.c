// SPDX-License-Identifier: GPL-2.0-only
#include "extend-image.h"
#include "findings.h"
#include "holders.h"
#include "message.h"
#include "open-image.h"
#include "recover.h"
#include "repair-image.h"
#include "repair.h"

static int repair_dirty(struct vhdx_image *image)
{
	bool dirty = vhdx_header_dirty(vhdx_header_current(&image->headers));
	int err = vhdx_image_recover(image);

	return err ? err : dirty;
}

static const struct {
	int (*mend)(struct vhdx_image *image);
	const char *text;
} repairs[] = {
	/* First: it mends a header as well, and there is to be one log only. */
	{ repair_dirty, "the log was replayed" },
	{ vhdx_repair_headers, "the bad copy of the header was replaced" },
	{ vhdx_repair_regions, "the bad copy of the region table was replaced" },
};

static int repair_opened(struct vhdx_image *image, const char *path,
			 bool *mended)
{
	size_t i;
	int r;

	for (i = 0; i < ARRAY_SIZE(repairs); i++) {
		r = repairs[i].mend(image);
		if (r < 0)
			return r;
		if (r)
			msg_info("%s: repaired: %s", path, repairs[i].text);
		*mended |= r;
	}
	return 0;
}

/**
 * struct log_report - receives the findings about a lost log
 * @report: the report for the engine
 * @path: path of the image
 */
struct log_report {
	struct vhdx_report report;
	const char *path;
};

static void emit(struct vhdx_report *report, const struct vhdx_finding *finding)
{
	struct disk_sink *sink = sink_messages();

	sink->finding(sink, container_of(report, struct log_report,
					 report)->path, finding);
}

/* Clear a lost log first, because the image does not open with it. */
static int clear_log(const char *path, bool *mended)
{
	struct log_report report = { .report.emit = emit, .path = path };
	struct user_store file;
	int r = user_store_open(&file, path, USER_WRITE);

	if (r)
		return r;
	if (file.in_use) {
		msg_err("%s: %s; close it there first", path, file.in_use);
		holders_explain(file.fd, path);
		r = -ETXTBSY;
	} else {
		r = vhdx_repair_log(&file.store, &report.report);
	}
	user_store_close(&file);
	*mended |= r > 0;
	if (r > 0)
		msg_info("%s: repaired: the log was given up; the disk has a new identity",
			 path);
	return r < 0 ? r : 0;
}

static int extend_opened(struct layer *layer, bool yes, bool *mended)
{
	int r = extend_image(layer, yes);

	if (r > 0)
		msg_info("%s: repaired: the file has its length again; the disk has a new identity",
			 layer->path);
	*mended |= r > 0;
	return r < 0 ? r : 0;
}

/**
 * repair_image() - repair what can be repaired, and report it
 * @options: of the command line
 * @path: path of the image
 * @mended: set if the call has repaired something
 *
 * Return: 0, or a negative errno after a message.
 */
int repair_image(const struct options *options, const char *path, bool *mended)
{
	struct disk *disk;
	int err = 0;

	if (options->clear_log)
		err = clear_log(path, mended);
	if (!err)
		err = open_image(options, path, OPEN_WRITABLE, sink_messages(),
				 &disk);
	if (err)
		return err;
	err = repair_opened(disk->layer[0]->image, path, mended);
	if (!err && options->extend)
		err = extend_opened(disk->layer[0], options->yes, mended);
	disk_close(disk);
	return err;
}
