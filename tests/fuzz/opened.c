// SPDX-License-Identifier: GPL-2.0-only
#include "meter.h"
#include "opened.h"
#include "verdict.h"

/* The length of the UTF-8 character at @text; 0 if it is none to be shown. */
static size_t printable(const u8 *text)
{
	size_t n = text[0] < 0x80 ? 1 : text[0] < 0xE0 ? 2 :
		   text[0] < 0xF0 ? 3 : 4;
	size_t i;

	if (text[0] < 0x20 || text[0] == 0x7F ||
	    (text[0] >= 0x80 && text[0] < 0xC2) || text[0] > 0xF4)
		return 0;
	for (i = 1; i < n; i++)
		if ((text[i] & 0xC0) != 0x80)
			return 0;
	/* U+0080 to U+009F are control characters too. */
	return text[0] == 0xC2 && text[1] < 0xA0 ? 0 : n;
}

/* A sentence of one line, complete, that no terminal acts upon. */
static void hear(struct vhdx_report *report, const struct vhdx_finding *finding)
{
	struct opened *opened = container_of(report, struct opened, report);
	char line[VHDX_SENTENCE_MAX];
	const char *p = line;

	meter_pause(true);
	opened->errors += finding->severity == VHDX_ERROR;
	FUZZ_CHECK(strlen(finding->text) < VHDX_TEXT_MAX - 1,
		   "cut short: %s", finding->text);
	FUZZ_CHECK(vhdx_sentence(finding, line, sizeof(line)) <
		   (int)sizeof(line), "too long: %s", line);
	while (*p) {
		size_t n = printable((const u8 *)p);

		FUZZ_CHECK(n, "not printable, at byte %td: %s", p - line, line);
		p += n;
	}
	meter_pause(false);
}

/**
 * opened_log_length() - how long is the log?
 * @layer: the file
 *
 * Return: bytes of the longest one that a header names and that has room.
 */
u64 opened_log_length(const struct fuzz_layer *layer)
{
	u64 longest = 0;
	u32 slot;

	for (slot = 0; slot < 2; slot++) {
		u64 pos = VHDX_HEADER_OFFSET(slot);
		u64 length = fuzz_layer_get(layer, pos + 68, 4);

		if (fuzz_layer_get(layer, pos, 4) == VHDX_HEADER_SIGNATURE &&
		    length <= layer->size)
			longest = max(longest, length);
	}
	return longest;
}

/**
 * opened_open() - open an image
 * @opened: one that is not open
 * @store: its bytes
 * @layer: the file of the input that they are, or were once
 * @pool: pages of its pool
 *
 * The log may be read a few times over, all else has a fixed bound. A page of
 * it takes as much memory as an entry's place three times, while their list
 * grows, and its descriptors that of a patch each.
 */
void opened_open(struct opened *opened, struct vhdx_store *store,
		 const struct fuzz_layer *layer, unsigned long pool)
{
	u64 log = opened_log_length(layer);
	u64 changes = min(log / sizeof(struct vhdx_disk_log_desc),
			  VHDX_LOG_CHANGES_MAX);
	struct meter_bound bound = {
		.memory = 4 * VHDX_MIB +
			  changes * 4 * sizeof(struct vhdx_patch) +
			  4 * log / VHDX_PAGE * sizeof(struct vhdx_log_entry),
		.reads = 4 * VHDX_MIB + 16 * log,
		.work = 16 * VHDX_MIB + 64 * log,
	};

	opened->report.emit = hear;
	opened->errors = 0;
	meter_begin("opening", &bound);
	opened->image = vhdx_image_open(store, pool, &opened->report);
	meter_end();
}

/**
 * opened_join() - make a chain of open images
 * @list: the images, child first
 * @depth: how many
 * @flags: VHDX_CHAIN_*
 *
 * Return: the chain, or NULL if they do not fit together.
 */
struct vhdx_chain *opened_join(struct opened *const *list, u32 depth,
			       unsigned int flags)
{
	struct meter_bound bound = { .memory = VHDX_MIB, .work = VHDX_MIB };
	struct vhdx_image *images[FUZZ_LAYERS_MAX];
	struct vhdx_chain *chain;
	u32 errors = list[0]->errors;
	u32 i;

	for (i = 0; i < depth; i++)
		images[i] = list[i]->image;
	meter_begin("joining", &bound);
	chain = vhdx_chain_new(images, depth, flags, &list[0]->report);
	meter_end();
	if (!IS_ERR(chain))
		return chain;
	FUZZ_CHECK(list[0]->errors > errors || meter_failed(),
		   "no chain, and not a word");
	return NULL;
}

/**
 * opened_close() - close an image
 * @opened: open or not
 */
void opened_close(struct opened *opened)
{
	if (!opened->image || IS_ERR(opened->image))
		return;
	meter_pause(false);
	vhdx_image_close(opened->image);
	meter_pause(true);
	opened->image = NULL;
}
