// SPDX-License-Identifier: GPL-2.0-only
/*
 * The libFuzzer target: opens every layer of an input, checks it, joins the
 * chain and walks it, and aborts where something that must hold does not.
 */
#include "census.h"
#include "dump.h"
#include "meter.h"
#include "opened.h"
#include "repair.h"
#include "runtime.h"
#include "verdict.h"
#include "walk.h"
#include "writing.h"

/* Larger logs take their time and show nothing that smaller ones do not. */
#define LOG_MAX		(64 * VHDX_MIB)

/* One layer, and the file that it is read from. */
struct layer {
	struct opened opened;
	struct meter_store store;
};

static struct fuzz_input input;
static struct reference refs[FUZZ_LAYERS_MAX];
static struct layer layers[FUZZ_LAYERS_MAX];

/* A refusal has a reason and a known errno; what opens has no error in it. */
static void check_verdict(const struct opened *opened)
{
	long err = PTR_ERR(opened->image);

	if (!IS_ERR(opened->image)) {
		FUZZ_CHECK(!opened->errors, "opened in spite of an error");
		return;
	}
	FUZZ_CHECK(err == -EUCLEAN || err == -EOPNOTSUPP ||
		   err == -EMEDIUMTYPE || meter_failed(),
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
		   ref->length == image->limits.file_size,
		   "another disk: size %llu block %llu sector %llu child %d BAT 0x%llx file 0x%llx, the engine says %llu %u %u %d 0x%llx 0x%llx",
		   ref->disk_size, ref->block_size, ref->sector_size,
		   ref->child, ref->bat, ref->length, image->params.size,
		   image->params.block_size, image->params.logical_sector,
		   image->params.has_parent, image->bat.offset,
		   image->limits.file_size);
}

static void walk_layers(u32 opened, bool certain, struct random *random)
{
	struct vhdx_chain *chain = NULL;
	unsigned int flags = input.run & FUZZ_RUN_STRICT_ID ?
			     0 : VHDX_CHAIN_IGNORE_ID;
	struct opened *list[FUZZ_LAYERS_MAX];
	struct walk walk = { .random = random };
	u32 first;

	for (first = 0; first < opened; first++)
		list[first] = &layers[first].opened;

	/* A child without its parent is refused; its parents may do. */
	for (first = 0; first < opened && !chain; first++)
		chain = opened_join(list + first, opened - first, flags);
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
		struct opened *this = &layers[opened].opened;
		struct fuzz_layer *layer = &input.layer[opened];

		meter_store(&layers[opened].store, layer);
		opened_open(this, &layers[opened].store.store, layer,
			    1 + input.pool % 16);
		check_verdict(this);
		if (IS_ERR(this->image))
			break;
		if (certain)
			check_reference(this->image, &refs[opened], layer);
		census_check(this->image, certain ? &refs[opened] : NULL,
			     opened_log_length(layer), stop, &this->report);
	}
	walk_layers(opened, certain, random);
	for (opened = 0; opened < input.layers; opened++) {
		reference_close(&refs[opened]);
		opened_close(&layers[opened].opened);
	}
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
		if (opened_log_length(&input.layer[i]) > LOG_MAX)
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
	if (!(input.run & FUZZ_RUN_ONLY_READS))
		writing(&input, &random);
	FUZZ_CHECK(!meter_leak(), "%lld bytes are left behind", meter_leak());
	return 0;
}
