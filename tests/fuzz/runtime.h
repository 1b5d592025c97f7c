/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What libFuzzer calls and offers, and the hooks of the sanitizers' allocator,
 * under names of our own manner.
 *
 *   fuzz_target()		run one input
 *   fuzz_mutate()		mutate one, in its own terms
 *   fuzz_cross()		make one out of two
 *   libfuzzer_mutate()		libFuzzer's mutation of bytes
 *   allocator_hooks()		be told of each allocation
 *   allocator_size()		how large one is
 */
#ifndef FUZZ_RUNTIME_H
#define FUZZ_RUNTIME_H

#include "kernel-shim.h"

#define RUNTIME_NAME(name)	__asm__(name)

int fuzz_target(const u8 *data, size_t size)
	RUNTIME_NAME("LLVMFuzzerTestOneInput");
size_t fuzz_mutate(u8 *data, size_t size, size_t max_size, unsigned int seed)
	RUNTIME_NAME("LLVMFuzzerCustomMutator");
size_t fuzz_cross(const u8 *data1, size_t size1, const u8 *data2, size_t size2,
		  u8 *out, size_t max_out, unsigned int seed)
	RUNTIME_NAME("LLVMFuzzerCustomCrossOver");
size_t libfuzzer_mutate(u8 *data, size_t size, size_t max_size)
	RUNTIME_NAME("LLVMFuzzerMutate");

int allocator_hooks(void (*on_malloc)(const void *p, size_t size),
		    void (*on_free)(const void *p))
	RUNTIME_NAME("__sanitizer_install_malloc_and_free_hooks");
size_t allocator_size(const void *p)
	RUNTIME_NAME("__sanitizer_get_allocated_size");

/* The linker puts the first in the place of the shim's, the second. */
void *__wrap_shim_alloc(size_t n, size_t size);
void *__real_shim_alloc(size_t n, size_t size);

#endif /* FUZZ_RUNTIME_H */
