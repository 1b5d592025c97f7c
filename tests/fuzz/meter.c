// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>

#include "meter.h"
#include "runtime.h"
#include "verdict.h"

unsigned long long fuzz_work;

static struct {
	const char *phase;
	struct meter_bound bound;
	long long held;		/* bytes, over all phases */
	long long before;	/* of them, before this phase */
	long long peak;
	u64 reads;
	struct meter_failures failures;
	bool failed;
} meter;

/* What the harness itself asks the engine for does not fail. */
static bool spared;

/* Allocations are the engine's. libFuzzer has a thread of its own. */
static __thread bool counting;

static void on_malloc(const void *p, size_t size)
{
	(void)p;
	if (!counting)
		return;
	meter.held += (long long)size;
	meter.peak = max(meter.peak, meter.held);
}

static void on_free(const void *p)
{
	if (counting && p)
		meter.held -= (long long)allocator_size(p);
}

void *__wrap_shim_alloc(size_t n, size_t size)
{
	if (!spared && meter.failures.alloc && !--meter.failures.alloc) {
		meter.failed = true;
		return NULL;
	}
	return __real_shim_alloc(n, size);
}

/* Block stores do DMA into the buffer: it must not be on the stack. */
static bool on_stack(const void *buf)
{
	static char *bottom, *top;
	pthread_attr_t attr;
	void *address;
	size_t size;

	if (!top) {
		pthread_getattr_np(pthread_self(), &attr);
		pthread_attr_getstack(&attr, &address, &size);
		pthread_attr_destroy(&attr);
		bottom = address;
		top = bottom + size;
	}
	return (const char *)buf >= bottom && (const char *)buf < top;
}

/**
 * meter_read() - somebody reads from a store
 * @pos: as struct vhdx_store_ops has it
 * @buf: likewise
 * @len: likewise
 *
 * Aborts if the read breaks the contract in store.h, or the phase's bound.
 *
 * Return: 0 or -EIO: it is to fail.
 */
int meter_read(u64 pos, const void *buf, size_t len)
{
	FUZZ_CHECK(len && IS_ALIGNED(pos | len, (u64)VHDX_PAGE),
		   "a read of 0x%zx bytes at 0x%llx", len, pos);
	FUZZ_CHECK(pos + len > pos, "a read of 0x%zx bytes at 0x%llx", len, pos);
	FUZZ_CHECK(IS_ALIGNED((uintptr_t)buf, 8) && !on_stack(buf),
		   "a read into %p", buf);
	meter.reads += len;
	FUZZ_CHECK(meter.reads <= meter.bound.reads,
		   "%s has read 0x%llx bytes, the bound is 0x%llx", meter.phase,
		   meter.reads, meter.bound.reads);
	if (!spared && meter.failures.read && !--meter.failures.read) {
		meter.failed = true;
		return -EIO;
	}
	return 0;
}

static int read_layer(struct vhdx_store *store, u64 pos, void *buf, size_t len)
{
	struct meter_store *this = container_of(store, struct meter_store, store);
	int r = meter_read(pos, buf, len);

	if (!r)
		fuzz_layer_read(this->layer, pos, buf, len);
	return r;
}

/**
 * meter_store() - a store over one file of the input, which is only read
 * @store: what to set up
 * @layer: the file
 */
void meter_store(struct meter_store *store, const struct fuzz_layer *layer)
{
	static const struct vhdx_store_ops ops = { .read = read_layer };

	store->store.ops = &ops;
	store->store.size = layer->size;
	store->layer = layer;
}

/**
 * meter_reset() - a new input
 * @failures: what will fail
 */
void meter_reset(const struct meter_failures *failures)
{
	static bool hooked;

	if (!hooked)
		FUZZ_CHECK(allocator_hooks(on_malloc, on_free),
			   "no hooks for the allocator");
	hooked = true;
	memset(&meter, 0, sizeof(meter));
	meter.failures = *failures;
}

/**
 * meter_fail() - what fails from now on
 * @failures: this; or nothing, if it is all zero
 *
 * Return: whether one of the failures before it has happened.
 */
bool meter_fail(const struct meter_failures *failures)
{
	bool failed = meter.failed;

	meter.failures = *failures;
	meter.failed = false;
	return failed;
}

/**
 * meter_begin() - a phase begins
 * @phase: its name
 * @bound: what it may use
 */
void meter_begin(const char *phase, const struct meter_bound *bound)
{
	meter.phase = phase;
	meter.bound = *bound;
	meter.reads = 0;
	meter.before = meter.held;
	meter.peak = meter.held;
	counting = true;
	fuzz_work = 0;
}

/**
 * meter_end() - a phase has ended
 *
 * Aborts if it took more memory, or moved more bytes, than it may; reads are
 * held to their bound as they come, so that a loop without end has one.
 */
void meter_end(void)
{
	u64 memory = (u64)(meter.peak - meter.before);

	counting = false;
	FUZZ_CHECK(memory <= meter.bound.memory,
		   "%s took 0x%llx bytes of memory, the bound is 0x%llx",
		   meter.phase, memory, meter.bound.memory);
	FUZZ_CHECK(fuzz_work <= meter.bound.work,
		   "%s moved 0x%llx bytes, the bound is 0x%llx", meter.phase,
		   fuzz_work, meter.bound.work);
}

/**
 * meter_pause() - stop counting memory, or go on
 * @pause: what follows is the harness's own
 */
void meter_pause(bool pause)
{
	counting = !pause;
}

/**
 * meter_spare() - let nothing fail, or go on
 * @spare: what follows is for the harness to know, not a part of the trial
 */
void meter_spare(bool spare)
{
	spared = spare;
}

/**
 * meter_leak() - is anything left behind?
 *
 * Return: bytes of memory that the engine holds.
 */
long long meter_leak(void)
{
	return meter.held;
}

/**
 * meter_failed() - did one of the failures happen?
 *
 * Return: whether it did.
 */
bool meter_failed(void)
{
	return meter.failed;
}
