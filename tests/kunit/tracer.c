// SPDX-License-Identifier: GPL-2.0-only
#include "tracer.h"

static const char *const op_name[RAM_OPS] = {
	[RAM_WRITE] = "write",
	[RAM_FLUSH] = "flush",
	[RAM_LENGTHEN] = "lengthen",
	[RAM_EXTEND] = "extend",
	[RAM_TRUNCATE] = "truncate",
	[RAM_ZERO] = "zero",
	[RAM_DISCARD] = "discard",
};

__printf(2, 3) static void say(struct tracer *tracer, const char *fmt, ...)
{
	u32 room = TRACER_TEXT_MAX - tracer->length;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(tracer->text + tracer->length, room, fmt, args);
	va_end(args);
	tracer->length += min_t(u32, room - 1, n);
}

static void say_place(struct tracer *tracer, u64 pos)
{
	const struct builder *b = tracer->builder;

	if (pos == 0x10000)
		say(tracer, " header 1");
	else if (pos == 0x20000)
		say(tracer, " header 2");
	else if (pos >= b->log_offset && pos < b->log_offset + b->log_length)
		say(tracer, " log 0x%llx", pos - b->log_offset);
	else if (pos >= b->bat_offset && pos < b->bat_offset + b->bat_length)
		say(tracer, " bat 0x%llx", pos - b->bat_offset);
	else
		say(tracer, " 0x%llx", pos);
}

/* The list says which operation, and its numbers where it has any. */
static void note(struct tracer *tracer, enum ram_op op, u64 pos, u64 len)
{
	if (tracer->hook)
		tracer->hook(tracer->context, op, pos);
	say(tracer, "%s", op_name[op]);
	if (op != RAM_FLUSH)
		say_place(tracer, pos);
	if (len)
		say(tracer, " +0x%llx", len);
	say(tracer, "\n");
}

static struct tracer *tracer_of(struct vhdx_store *store)
{
	return container_of(store->ops, struct tracer, ops);
}

static int trace_write(struct vhdx_store *store, u64 pos, const void *buf,
		       size_t len)
{
	struct tracer *tracer = tracer_of(store);

	note(tracer, RAM_WRITE, pos, len);
	return tracer->below->write(store, pos, buf, len);
}

static int trace_flush(struct vhdx_store *store)
{
	struct tracer *tracer = tracer_of(store);

	note(tracer, RAM_FLUSH, 0, 0);
	return tracer->below->flush(store);
}

static int trace_lengthen(struct vhdx_store *store, u64 size)
{
	struct tracer *tracer = tracer_of(store);

	note(tracer, RAM_LENGTHEN, size, 0);
	if (size > tracer->limit)
		return tracer->limit_error;
	return tracer->below->lengthen(store, size);
}

static int trace_extend(struct vhdx_store *store, u64 size)
{
	struct tracer *tracer = tracer_of(store);

	note(tracer, RAM_EXTEND, size, 0);
	if (size > tracer->limit)
		return tracer->limit_error;
	return tracer->below->extend(store, size);
}

static int trace_truncate(struct vhdx_store *store, u64 size)
{
	struct tracer *tracer = tracer_of(store);

	note(tracer, RAM_TRUNCATE, size, 0);
	return tracer->below->truncate(store, size);
}

static int trace_zero(struct vhdx_store *store, u64 pos, u64 len)
{
	struct tracer *tracer = tracer_of(store);

	note(tracer, RAM_ZERO, pos, len);
	return tracer->below->zero(store, pos, len);
}

static int trace_discard(struct vhdx_store *store, u64 pos, u64 len)
{
	struct tracer *tracer = tracer_of(store);

	note(tracer, RAM_DISCARD, pos, len);
	return tracer->below->discard(store, pos, len);
}

/**
 * tracer_attach() - listen from now on
 * @tracer: outlives the use of the store
 * @builder: the image, in a RAM store that has its own operations still
 */
void tracer_attach(struct tracer *tracer, const struct builder *builder)
{
	struct vhdx_store *store = &builder->ram->store;

	tracer->below = store->ops;
	tracer->builder = builder;
	tracer->limit = U64_MAX;
	tracer->ops = (struct vhdx_store_ops){
		.read = store->ops->read,
		.length = store->ops->length,
		.write = trace_write,
		.flush = trace_flush,
		.lengthen = trace_lengthen,
		.extend = trace_extend,
		.truncate = trace_truncate,
		.zero = trace_zero,
		.discard = trace_discard,
	};
	store->ops = &tracer->ops;
	tracer_forget(tracer);
}

/**
 * tracer_forget() - begin a new list
 * @tracer: that listens
 */
void tracer_forget(struct tracer *tracer)
{
	tracer->length = 0;
	tracer->text[0] = 0;
}

/**
 * tracer_expect() - these operations, no more and no fewer
 * @test: the test
 * @tracer: that listened; a new list begins
 * @lines: as in struct tracer; "" for none
 */
void tracer_expect(struct kunit *test, struct tracer *tracer,
		   const char *lines)
{
	KUNIT_EXPECT_STREQ(test, (const char *)tracer->text, lines);
	tracer_forget(tracer);
}
