/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Listens between the engine and a RAM store: writes down what is done to the
 * store and in which order, lets a test act in the middle of an operation, and
 * bounds how long the store may get.
 *
 * tracer.c APIs:
 *   tracer_attach()	listen from now on
 *   tracer_forget()	begin a new list
 *   tracer_expect()	these operations, no more and no fewer
 */
#ifndef VHDX_TEST_TRACER_H
#define VHDX_TEST_TRACER_H

#include <kunit/test.h>

#include "builder.h"

#define TRACER_TEXT_MAX 4096U

/**
 * struct tracer - who listens
 * @ops: what the store has instead of its own operations
 * @below: the store's own
 * @builder: the image, whose structures the list calls by name
 * @length: bytes in @text
 * @text: a line for each operation but reads: what, where, how many bytes
 * @hook: called before each of them, with no lock held; it may change the
 *	image, and what it does to the store itself is listed first; or NULL
 * @context: for @hook
 * @limit: the store cannot get longer than this
 * @limit_error: what an attempt returns
 */
struct tracer {
	struct vhdx_store_ops ops;
	const struct vhdx_store_ops *below;
	const struct builder *builder;
	u32 length;
	char text[TRACER_TEXT_MAX];
	void (*hook)(void *context, enum ram_op op, u64 pos);
	void *context;
	u64 limit;
	int limit_error;
};

void tracer_attach(struct tracer *tracer, const struct builder *builder);
void tracer_forget(struct tracer *tracer);
void tracer_expect(struct kunit *test, struct tracer *tracer,
		   const char *lines);

#endif /* VHDX_TEST_TRACER_H */
