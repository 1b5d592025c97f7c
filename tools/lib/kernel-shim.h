/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's names as the engine uses them, for userspace.
 *
 * Userspace runs the engine in one thread, so locks, RCU and READ_ONCE keep
 * their form and lose their effect; memory comes from malloc. Only the names
 * that the engine needs are here: think before you add another one.
 */
#ifndef KERNEL_SHIM_H
#define KERNEL_SHIM_H

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
/* As in the kernel: %llu prints it on every architecture. */
typedef unsigned long long u64;
typedef u16 __le16;
typedef u32 __le32;
typedef u64 __le64;
typedef unsigned int gfp_t;

#define U32_MAX			UINT32_MAX
#define U64_MAX			UINT64_MAX

#define __packed		__attribute__((packed))
#define __printf(a, b)		__attribute__((format(printf, a, b)))
#define __force
#define __rcu
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)

#define le16_to_cpu(x)		le16toh(x)
#define le32_to_cpu(x)		le32toh(x)
#define le64_to_cpu(x)		le64toh(x)
#define cpu_to_le16(x)		htole16(x)
#define cpu_to_le32(x)		htole32(x)
#define cpu_to_le64(x)		htole64(x)

#define SHIM_MIN(a, b) \
	({ __typeof__(a) __a = (a); __typeof__(b) __b = (b); \
	   __a < __b ? __a : __b; })
#define SHIM_MAX(a, b) \
	({ __typeof__(a) __a = (a); __typeof__(b) __b = (b); \
	   __a > __b ? __a : __b; })
#define min(a, b)		SHIM_MIN(a, b)
#define max(a, b)		SHIM_MAX(a, b)
#define min_t(t, a, b)		SHIM_MIN((t)(a), (t)(b))
#define max_t(t, a, b)		SHIM_MAX((t)(a), (t)(b))
#define clamp_t(t, v, lo, hi)	min_t(t, max_t(t, v, lo), hi)
#define swap(a, b) \
	do { __typeof__(a) __t = (a); (a) = (b); (b) = __t; } while (0)

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP_ULL(n, d)	(((n) + (d) - 1) / (d))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define ALIGN(x, a)		(((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define check_add_overflow(a, b, d)	__builtin_add_overflow(a, b, d)

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

static inline int ilog2(u64 n)
{
	return 63 - __builtin_clzll(n);
}

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define struct_size(p, member, n) \
	(sizeof(*(p)) + sizeof((p)->member[0]) * (n))

#define READ_ONCE(x)		(x)
#define smp_load_acquire(p)	(*(p)) /* one thread */
#define smp_store_release(p, v)	(*(p) = (v)) /* one thread */
/* One thread. */
#define cmpxchg(p, old, new) \
({ \
	__typeof__(*(p)) __was = *(p); \
	if (__was == (old)) \
		*(p) = (new); \
	__was; \
})
#define cmpxchg_release cmpxchg
#define WRITE_ONCE(x, v)	((x) = (v))
#define WARN_ON_ONCE(x)		({ bool __w = (x); assert(!__w); __w; })

/* err.h */
#define MAX_ERRNO		4095
#define IS_ERR_VALUE(x)		((unsigned long)(x) >= (unsigned long)-MAX_ERRNO)

static inline void *ERR_PTR(long err)
{
	return (void *)err;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return IS_ERR_VALUE(ptr);
}

/* string.h */
static inline bool strstarts(const char *str, const char *prefix)
{
	return !strncmp(str, prefix, strlen(prefix));
}

static inline void strscpy(char *to, const char *from, size_t size)
{
	snprintf(to, size, "%s", from);
}

/* uuid.h */
typedef struct {
	u8 b[16];
} guid_t;

#define GUID_INIT(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7) \
	((guid_t){ { (a) & 0xff, ((a) >> 8) & 0xff, ((a) >> 16) & 0xff, \
		     ((a) >> 24) & 0xff, (b) & 0xff, ((b) >> 8) & 0xff, \
		     (c) & 0xff, ((c) >> 8) & 0xff, \
		     (d0), (d1), (d2), (d3), (d4), (d5), (d6), (d7) } })

static inline bool guid_equal(const guid_t *a, const guid_t *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static inline bool guid_is_null(const guid_t *guid)
{
	static const guid_t null;

	return guid_equal(guid, &null);
}

/* The text is "8-4-4-4-12", and may go on after that. */
int guid_parse(const char *text, guid_t *guid);

/*
 * random.h: a test that must repeat itself puts its own generator here. The
 * default one is the kernel's, and cannot fail.
 */
extern void (*shim_random)(void *buf, size_t len);

static inline void get_random_bytes(void *buf, size_t len)
{
	shim_random(buf, len);
}

/* Version 4 of RFC 4122, in Microsoft's order of the bytes. */
static inline void guid_gen(guid_t *guid)
{
	get_random_bytes(guid->b, sizeof(guid->b));
	guid->b[7] = (guid->b[7] & 0x0f) | 0x40;
	guid->b[8] = (guid->b[8] & 0x3f) | 0x80;
}

/* slab.h */
#define GFP_KERNEL		0U
#define GFP_KERNEL_ACCOUNT	0U
#define GFP_NOIO		0U
#define GFP_NOWAIT		0U
#define __GFP_NOWARN		0U
#define __GFP_NOFAIL		1U

void *shim_alloc(size_t n, size_t size);
void *shim_alloc_surely(size_t size);

#define kzalloc(size, gfp)	((void)(gfp), shim_alloc(1, size))
#define kmalloc(size, gfp) \
	((gfp) & __GFP_NOFAIL ? shim_alloc_surely(size) : shim_alloc(1, size))
#define kvcalloc(n, size, gfp)	((void)(gfp), shim_alloc(n, size))
#define kvmalloc(size, gfp)	((void)(gfp), shim_alloc(1, size))
#define kvzalloc(size, gfp)	((void)(gfp), shim_alloc(1, size))
#define kvmalloc_array(n, size, gfp) ((void)(gfp), shim_alloc(n, size))
#define kfree(p)		free((void *)(p))
#define kvfree(p)		free((void *)(p))

/* mempool.h: malloc needs no reserve, so a pool is the size of its elements. */
typedef struct shim_mempool {
	size_t size;
} mempool_t;

mempool_t *mempool_create_kmalloc_pool(int min_nr, size_t size);
void mempool_destroy(mempool_t *pool);
#define mempool_alloc(pool, gfp)	((void)(gfp), shim_alloc(1, (pool)->size))
#define mempool_free(p, pool)		((void)(pool), free(p))

/* list.h */
struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list;
	list->prev = list;
}

static inline bool list_empty(const struct list_head *list)
{
	return list->next == list;
}

static inline void list_add_tail(struct list_head *entry,
				 struct list_head *list)
{
	entry->prev = list->prev;
	entry->next = list;
	list->prev->next = entry;
	list->prev = entry;
}

static inline void list_del(struct list_head *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
}

static inline void list_move_tail(struct list_head *entry,
				  struct list_head *list)
{
	list_del(entry);
	list_add_tail(entry, list);
}

static inline void list_del_init(struct list_head *entry)
{
	list_del(entry);
	INIT_LIST_HEAD(entry);
}

#define LIST_HEAD(name)		struct list_head name = { &(name), &(name) }
#define list_first_entry(list, type, member) \
	container_of((list)->next, type, member)
#define list_for_each_entry(pos, list, member) \
	for (pos = list_first_entry(list, typeof(*pos), member); \
	     &pos->member != (list); \
	     pos = list_first_entry(&pos->member, typeof(*pos), member))

/* spinlock.h, rcupdate.h, sched.h: one thread. */
typedef struct {
	char unused;
} spinlock_t;

struct rcu_head {
	char unused;
};

#define lockdep_is_held(lock)	((void)(lock), 1)
#define spin_lock_init(lock)	((void)(lock))
#define spin_lock(lock)		((void)(lock))
#define spin_unlock(lock)	((void)(lock))
#define lockdep_assert_held(lock)	((void)(lock))
#define rcu_read_lock()		do { } while (0)
#define rcu_read_unlock()	do { } while (0)
/* One thread: there is no order between processors. */
#define smp_rmb()		do { } while (0)
/* Likewise: stores of one thread are seen in order. */
#define smp_wmb()		do { } while (0)
#define rcu_barrier()		do { } while (0)
#define rcu_dereference(p)	(p)
#define rcu_dereference_check(p, c)	((void)(c), (p))
#define rcu_dereference_protected(p, c)	((void)(c), (p))
#define rcu_access_pointer(p)	(p)
#define rcu_assign_pointer(p, v)	((p) = (v))
#define RCU_INIT_POINTER(p, v)	((p) = (v))
#define call_rcu(head, func)	((func)(head))
#define cond_resched()		do { } while (0)

/* bitops.h */
#define BITS_PER_LONG		(8 * (int)sizeof(long))
#define BITS_TO_LONGS(n)	DIV_ROUND_UP(n, BITS_PER_LONG)

static inline void __set_bit(unsigned long nr, unsigned long *map)
{
	map[nr / BITS_PER_LONG] |= 1UL << (nr % BITS_PER_LONG);
}

static inline void __clear_bit(unsigned long nr, unsigned long *map)
{
	map[nr / BITS_PER_LONG] &= ~(1UL << (nr % BITS_PER_LONG));
}

static inline bool test_bit(unsigned long nr, const unsigned long *map)
{
	return map[nr / BITS_PER_LONG] >> (nr % BITS_PER_LONG) & 1;
}

unsigned long find_next_bit(const unsigned long *map, unsigned long size,
			    unsigned long start);
unsigned long find_next_zero_bit(const unsigned long *map, unsigned long size,
				 unsigned long start);
unsigned long find_last_bit(const unsigned long *map, unsigned long size);
unsigned long find_next_bit_le(const void *map, unsigned long size,
			       unsigned long start);
unsigned long find_next_zero_bit_le(const void *map, unsigned long size,
				    unsigned long start);

/* crc32c.h: neither inverts, so the caller does. */
static inline u32 crc32c(u32 crc, const void *buf, size_t len)
{
	return crc32_iscsi((unsigned char *)buf, (int)len, crc);
}

/* sort.h */
void sort(void *base, size_t num, size_t size,
	  int (*cmp)(const void *a, const void *b), void *swap_func);
void sort_r(void *base, size_t num, size_t size,
	    int (*cmp)(const void *a, const void *b, const void *priv),
	    void *swap_func, const void *priv);

#endif /* KERNEL_SHIM_H */
