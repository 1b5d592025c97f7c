// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <sys/random.h>

#include "kernel-shim.h"

/* Short reads and EINTR do not occur below 257 bytes, and are seen to anyway. */
static void random_bytes(void *buf, size_t len)
{
	char *next = buf;

	while (len) {
		ssize_t n = getrandom(next, len, 0);

		if (n < 0 && errno != EINTR)
			abort();
		if (n < 0)
			continue;
		next += n;
		len -= (size_t)n;
	}
}

void (*shim_random)(void *buf, size_t len) = random_bytes;

int guid_parse(const char *text, guid_t *guid)
{
	static const u8 order[16] = { 3, 2, 1,	0,  5,	4,  7,	6,
				      8, 9, 10, 11, 12, 13, 14, 15 };
	int i;

	for (i = 0; i < 16; i++) {
		char digits[3] = {};

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
			return -EINVAL;
		if (!isxdigit((u8)text[0]) || !isxdigit((u8)text[1]))
			return -EINVAL;
		memcpy(digits, text, 2);
		guid->b[order[i]] = (u8)strtoul(digits, NULL, 16);
		text += 2;
	}
	return 0;
}

/* Zeroed always, so that kzalloc and kmalloc can share it. */
void *shim_alloc(size_t n, size_t size)
{
	return calloc(n ? n : 1, size ? size : 1);
}

/* What the kernel promises, a process can only do or die. */
void *shim_alloc_surely(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

mempool_t *mempool_create_kmalloc_pool(int min_nr, size_t size)
{
	mempool_t *pool = calloc(1, sizeof(*pool));

	(void)min_nr;
	if (pool)
		pool->size = size;
	return pool;
}

void mempool_destroy(mempool_t *pool)
{
	free(pool);
}

/* The next bit of a bitmap that is unlike @flip's bits. */
static unsigned long next_bit_of(const unsigned long *map, unsigned long size,
				 unsigned long bit, unsigned long flip)
{
	while (bit < size) {
		unsigned long rest =
			(map[bit / BITS_PER_LONG] ^ flip) >> bit % BITS_PER_LONG;

		if (rest) {
			bit += __builtin_ctzl(rest);
			return bit < size ? bit : size;
		}
		bit = (bit / BITS_PER_LONG + 1) * BITS_PER_LONG;
	}
	return size;
}

unsigned long find_next_bit(const unsigned long *map, unsigned long size,
			    unsigned long start)
{
	return next_bit_of(map, size, start, 0);
}

unsigned long find_next_zero_bit(const unsigned long *map, unsigned long size,
				 unsigned long start)
{
	return next_bit_of(map, size, start, ~0UL);
}

unsigned long find_last_bit(const unsigned long *map, unsigned long size)
{
	unsigned long bit = size;

	while (bit-- > 0) {
		unsigned long word = map[bit / BITS_PER_LONG];

		word &= ~0UL >> (BITS_PER_LONG - 1 - bit % BITS_PER_LONG);
		if (word)
			return bit - bit % BITS_PER_LONG + BITS_PER_LONG - 1 -
			       __builtin_clzl(word);
		bit -= bit % BITS_PER_LONG;
	}
	return size;
}

/* The next bit of a little-endian bitmap that is unlike @flip's bits. */
static unsigned long next_bit(const u8 *map, unsigned long size,
			      unsigned long bit, u8 flip)
{
	while (bit < size) {
		u8 rest = (u8)(map[bit / 8] ^ flip) >> (bit % 8);

		if (rest) {
			bit += __builtin_ctz(rest);
			return bit < size ? bit : size;
		}
		bit = (bit / 8 + 1) * 8;
	}
	return size;
}

unsigned long find_next_bit_le(const void *map, unsigned long size,
			       unsigned long start)
{
	return next_bit(map, size, start, 0);
}

unsigned long find_next_zero_bit_le(const void *map, unsigned long size,
				    unsigned long start)
{
	return next_bit(map, size, start, 0xff);
}

void sort(void *base, size_t num, size_t size,
	  int (*cmp)(const void *a, const void *b), void *swap_func)
{
	(void)swap_func;
	if (num)
		qsort(base, num, size, cmp);
}

void sort_r(void *base, size_t num, size_t size,
	    int (*cmp)(const void *a, const void *b, const void *priv),
	    void *swap_func, const void *priv)
{
	(void)swap_func;
	if (num)
		qsort_r(base, num, size, (__compar_d_fn_t)cmp, (void *)priv);
}
