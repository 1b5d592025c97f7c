// SPDX-License-Identifier: GPL-2.0-only
#include "mutate.h"
#include "runtime.h"

static struct fuzz_input input, second;

/* libFuzzer's own mutations, on the bytes of one extent; its length stays. */
static void mutate_bytes(struct mutation *m)
{
	struct fuzz_extent *extent;

	if (!m->layer->count)
		return;
	extent = &m->layer->extent[random_below(m->random, m->layer->count)];
	libfuzzer_mutate(extent->bytes, extent->stored, extent->stored);
}

static void mutate_extents(struct mutation *m)
{
	struct fuzz_layer *layer = m->layer;
	u32 index = random_below(m->random, layer->count);
	struct fuzz_extent *extent = &layer->extent[index];
	u8 bytes[64];

	if (!layer->count)
		return;
	switch (random_below(m->random, 5)) {
	case 0:
		fuzz_layer_drop(layer, index);
		break;
	case 1:
		extent->offset = mutate_number(m, extent->offset, 6) >> 1;
		break;
	case 2:
		extent->length = min_t(u64, mutate_number(m, extent->length, 4),
				       FUZZ_EXTENT_LENGTH_MAX);
		extent->stored = min(extent->stored, extent->length);
		if (!extent->stored)
			fuzz_layer_drop(layer, index);
		break;
	case 3:
		fuzz_layer_add(m->input, layer,
			       mutate_number(m, extent->offset, 6),
			       extent->length, extent->bytes, extent->stored);
		break;
	default:
		memset(bytes, random_next(m->random), sizeof(bytes));
		libfuzzer_mutate(bytes, sizeof(bytes), sizeof(bytes));
		fuzz_layer_add(m->input, layer,
			       mutate_number(m, extent->offset, 6), 64, bytes,
			       1 + random_below(m->random, 64));
	}
}

static void mutate_layers(struct mutation *m)
{
	struct fuzz_input *in = m->input;
	u32 to = random_below(m->random, FUZZ_LAYERS_MAX);
	u32 from = random_below(m->random, in->layers);

	switch (random_below(m->random, 4)) {
	case 0:
		in->layers = 1 + random_below(m->random, in->layers);
		break;
	case 1:
		/* The extents may share their bytes: these are copied out. */
		in->layer[min(to, in->layers)] = in->layer[from];
		in->layers = max(in->layers, min(to, in->layers) + 1);
		break;
	default:
		m->layer->size = mutate_number(m, m->layer->size, 6) &
				 (U64_MAX >> 1);
	}
}

static void mutate_settings(struct mutation *m)
{
	switch (random_below(m->random, 4)) {
	case 0:
		m->input->repair ^= 1U << random_below(m->random, 6);
		break;
	case 1:
		m->input->repair = FUZZ_REPAIR_ALL;
		m->input->run = 0;
		break;
	case 2:
		m->input->run ^= 1U << random_below(m->random, 5);
		break;
	default:
		m->input->pool = random_next(m->random);
	}
}

static void mutate_once(struct mutation *m)
{
	static void (*const mutations[])(struct mutation *m) = {
		mutate_field, mutate_field, mutate_field, mutate_bat,
		mutate_bat, mutate_bat, mutate_bitmap, mutate_log, mutate_log,
		mutate_log, mutate_bytes, mutate_bytes, mutate_extents,
		mutate_layers, mutate_settings, mutate_move,
	};
	u32 i = random_below(m->random, ARRAY_SIZE(mutations));

	m->layer = &m->input->layer[random_below(m->random, m->input->layers)];
	mutate_layout(m);
	mutations[i](m);
	fuzz_layer_changed();
	m->input->seed = random_next(m->random);
}

/**
 * fuzz_mutate() - mutate an input, in its own terms
 * @data: the input, in place
 * @size: its bytes
 * @max_size: that it may have
 * @seed: of the choices
 *
 * What is no input is given to libFuzzer, and an input too now and then, for
 * the parser's sake.
 *
 * Return: the new size.
 */
size_t fuzz_mutate(u8 *data, size_t size, size_t max_size, unsigned int seed)
{
	struct random random = { seed };
	struct mutation m = { .input = &input, .random = &random };
	u32 count = 1 + random_below(&random, 4);
	size_t written;

	if (random_once_in(&random, 64) ||
	    !fuzz_input_parse(&input, data, size))
		return libfuzzer_mutate(data, size, max_size);
	while (count--)
		mutate_once(&m);
	written = fuzz_input_write(&input, data, max_size);
	return written ? written : size;
}

/* Lays extents of one file over another one. */
static void graft(const struct fuzz_layer *from, struct fuzz_layer *to,
		  struct random *random)
{
	u32 first = random_below(random, from->count);
	u32 count = random_below(random, from->count - first + 1);
	u32 i;

	for (i = first; i < first + count; i++)
		fuzz_layer_add(&input, to, from->extent[i].offset,
			       from->extent[i].length, from->extent[i].bytes,
			       from->extent[i].stored);
}

/* Takes a whole file over, as one more layer or in the place of one. */
static void adopt(const struct fuzz_layer *from, struct random *random)
{
	u32 to = random_below(random, min(input.layers + 1, FUZZ_LAYERS_MAX));
	struct fuzz_layer *layer = &input.layer[to];
	u32 i;

	input.layers = max(input.layers, to + 1);
	layer->size = from->size;
	layer->count = 0;
	for (i = 0; i < from->count; i++)
		fuzz_layer_add(&input, layer, from->extent[i].offset,
			       from->extent[i].length, from->extent[i].bytes,
			       from->extent[i].stored);
}

/**
 * fuzz_cross() - make one input out of two
 * @data1: the first
 * @size1: its bytes
 * @data2: the second
 * @size2: its bytes
 * @out: the new one
 * @max_out: bytes that it may have
 * @seed: of the choices
 *
 * Return: its size, 0 if none could be made.
 */
size_t fuzz_cross(const u8 *data1, size_t size1, const u8 *data2, size_t size2,
		  u8 *out, size_t max_out, unsigned int seed)
{
	struct random random = { seed };
	const struct fuzz_layer *from;
	struct fuzz_layer *to;

	if (!fuzz_input_parse(&input, data1, size1) ||
	    !fuzz_input_parse(&second, data2, size2))
		return 0;
	from = &second.layer[random_below(&random, second.layers)];
	to = &input.layer[random_below(&random, input.layers)];
	if (random_once_in(&random, 2))
		adopt(from, &random);
	else if (from->count)
		graft(from, to, &random);
	return fuzz_input_write(&input, out, max_out);
}
