// SPDX-License-Identifier: GPL-2.0-only
/*
 * The libFuzzer target: opens every layer of an input, checks it, joins the
 * chain and walks it, and aborts where something that must hold does not.
 */
#include "census.h"
#include "dump.h"
#include "meter.h"
#include "repair.h"
#include "runtime.h"
#include "verdict.h"
#include "walk.h"

/* Larger logs take their time and show nothing that smaller ones do not. */
#define LOG_MAX		(64 * VHDX_MIB)

/* One layer, opened. */
struct opened {
	struct vhdx_report report;
	u32 errors;
	struct meter_store store;
	struct vhdx_image *image;
};

static struct fuzz_input input;
static struct reference refs[FUZZ_LAYERS_MAX];
static struct opened layers[FUZZ_LAYERS_MAX];

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

/* Bytes of the longest log that a header names and the file has room for. */
static u64 log_length(const struct fuzz_layer *layer)
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

/*
 * The log may be read a few times over, all else has a fixed bound. A page of
 * it takes as much memory as an entry's place three times, while their list
 * grows, and its descriptors that of a patch each.
 */
static void open_layer(struct opened *opened, const struct fuzz_layer *layer,
		       unsigned long pool)
{
	u64 log = log_length(layer);
	u64 changes = min(log / sizeof(struct vhdx_disk_log_desc),
			  VHDX_LOG_CHANGES_MAX);
	struct meter_bound bound = {
		.memory = 4 * VHDX_MIB + changes * 4 * sizeof(struct vhdx_patch) +
			  4 * log / VHDX_PAGE * sizeof(struct vhdx_log_entry),
		.reads = 4 * VHDX_MIB + 16 * log,
		.work = 16 * VHDX_MIB + 64 * log,
	};

	opened->report.emit = hear;
	opened->errors = 0;
	meter_store(&opened->store, layer);
	meter_begin("opening", &bound);
	opened->image = vhdx_image_open(&opened->store.store, pool,
					&opened->report);
	meter_end();
}

/* A refusal has a reason and a known errno; what opens has no error in it. */
static void check_verdict(const struct opened *opened)
{
	long err = PTR_ERR(opened->image);

	if (!IS_ERR(opened->image)) {
		FUZZ_CHECK(!opened->errors, "opened in spite of an error");
		return;
	}
	FUZZ_CHECK(err == -EUCLEAN || err == -EOPNOTSUPP ||
		   err == -EMEDIUMTYPE || err == -E2BIG || meter_failed(),
		   "refused with %ld", err);
	FUZZ_CHECK(opened->errors || (err == -ENOMEM && meter_failed()),
		   "refused with %ld and not a word", err);
}

/* Do the engine and the reference read the same virtual disk? */
static void check_reference(const struct vhdx_image *image,
			    struct reference *ref,
			    const struct fuzz_layer *layer)
{
	FUZZ_CHECK(reference_open(ref, layer), "this should not have opened");
	FUZZ_CHECK(ref->disk_size == image->params.size &&
		   ref->block_size == image->params.block_size &&
		   ref->sector_size == image->params.logical_sector &&
		   ref->child == image->params.has_parent &&
		   ref->bat == image->bat.offset &&
		   ref->length == image->file_size,
		   "another disk: size %llu block %llu sector %llu child %d BAT 0x%llx file 0x%llx, the engine says %llu %u %u %d 0x%llx 0x%llx",
		   ref->disk_size, ref->block_size, ref->sector_size,
		   ref->child, ref->bat, ref->length, image->params.size,
		   image->params.block_size, image->params.logical_sector,
		   image->params.has_parent, image->bat.offset,
		   image->file_size);
}

static void close_layer(struct opened *opened, struct reference *ref)
{
	reference_close(ref);
	if (!opened->image || IS_ERR(opened->image))
		return;
	meter_pause(false);
	vhdx_image_close(opened->image);
	meter_pause(true);
	opened->image = NULL;
}

/* Joins the layers from @first on; NULL if they do not fit together. */
static struct vhdx_chain *join(u32 first, u32 depth)
{
	unsigned int flags = input.run & FUZZ_RUN_STRICT_ID ?
			     0 : VHDX_CHAIN_IGNORE_ID;
	struct meter_bound bound = { .memory = VHDX_MIB, .work = VHDX_MIB };
	struct vhdx_image *images[FUZZ_LAYERS_MAX];
	struct vhdx_report *report = &layers[first].report;
	struct vhdx_chain *chain;
	u32 errors = layers[first].errors;
	u32 i;

	for (i = 0; i < depth; i++)
		images[i] = layers[first + i].image;
	meter_begin("joining", &bound);
	chain = vhdx_chain_new(images, depth, flags, report);
	meter_end();
	if (!IS_ERR(chain))
		return chain;
	FUZZ_CHECK(layers[first].errors > errors || meter_failed(),
		   "no chain, and not a word");
	return NULL;
}

static void walk_layers(u32 opened, bool certain, struct random *random)
{
	struct vhdx_chain *chain = NULL;
	struct walk walk = { .random = random };
	u32 first;

	/* A child without its parent is refused; its parents may do. */
	for (first = 0; first < opened && !chain; first++)
		chain = join(first, opened - first);
	if (!chain)
		return;
	first--;
	walk.chain = chain;
	walk.files = &input.layer[first];
	walk.refs = certain ? &refs[first] : NULL;
	walk_chain(&walk);
	meter_pause(false);
	vhdx_chain_free(chain);
	meter_pause(true);
}

static void run(bool certain, struct random *random)
{
	bool stop = input.run & FUZZ_RUN_CHECK_STOPS;
	u32 opened;

	for (opened = 0; opened < input.layers; opened++) {
		struct opened *this = &layers[opened];
		struct fuzz_layer *layer = &input.layer[opened];

		open_layer(this, layer, 1 + input.pool % 16);
		check_verdict(this);
		if (IS_ERR(this->image))
			break;
		if (certain)
			check_reference(this->image, &refs[opened], layer);
		census_check(this->image, certain ? &refs[opened] : NULL,
			     log_length(layer), stop, &this->report);
	}
	walk_layers(opened, certain, random);
	for (opened = 0; opened < input.layers; opened++)
		close_layer(&layers[opened], &refs[opened]);
}

/**
 * fuzz_target() - run one input
 * @data: the bytes, see input.h
 * @size: how many
 *
 * Return: 0, as libFuzzer wants it.
 */
int fuzz_target(const u8 *data, size_t size)
{
	const char *directory = getenv("VHDX_FUZZ_DUMP");
	struct meter_failures failures = {};
	struct random random;
	u32 i;

	if (!fuzz_input_parse(&input, data, size))
		return 0;
	for (i = 0; i < input.layers; i++) {
		fuzz_repair(&input, &input.layer[i]);
		if (log_length(&input.layer[i]) > LOG_MAX)
			return 0;
	}
	if (directory)
		dump_files(&input, directory);
	random.state = input.seed;
	if (input.run & FUZZ_RUN_READ_FAILS)
		failures.read = 1 + random_below(&random, 48);
	if (input.run & FUZZ_RUN_ALLOC_FAILS)
		failures.alloc = 1 + random_below(&random, 64);
	meter_reset(&failures);
	run(!failures.read && !failures.alloc, &random);
	FUZZ_CHECK(!meter_leak(), "%lld bytes are left behind", meter_leak());
	return 0;
}
