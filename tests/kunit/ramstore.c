// SPDX-License-Identifier: GPL-2.0-only
#include "ramstore.h"

struct ram_page {
	struct ram_page *next;
	u64 number;
	u8 *data;
};

static struct ram_page *find_page(const struct ram_store *ram, u64 number)
{
	struct ram_page *page = ram->bucket[number % RAM_STORE_BUCKETS];

	while (page && page->number != number)
		page = page->next;
	return page;
}

static struct ram_page *make_page(struct ram_store *ram, u64 number)
{
	struct ram_page **head = &ram->bucket[number % RAM_STORE_BUCKETS];
	struct ram_page *page = find_page(ram, number);

	if (page)
		return page;
	page = kzalloc(sizeof(*page), GFP_KERNEL);
	if (!page)
		return NULL;
	page->data = kzalloc(VHDX_PAGE, GFP_KERNEL);
	if (!page->data) {
		kfree(page);
		return NULL;
	}
	page->number = number;
	page->next = *head;
	*head = page;
	return page;
}

static bool is_zero(const u8 *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

/* Bytes from @pos on, up to @len, that lie in one page. */
static size_t in_page(u64 pos, size_t len)
{
	return min_t(u64, len, VHDX_PAGE - pos % VHDX_PAGE);
}

/**
 * ram_store_peek() - look at bytes
 * @ram: the store
 * @pos: byte offset, at any alignment
 * @buf: where they go
 * @len: how many
 *
 * Past all faults and counters, and past the end of the store, too.
 */
void ram_store_peek(const struct ram_store *ram, u64 pos, void *buf, size_t len)
{
	u8 *out = buf;

	while (len) {
		struct ram_page *page = find_page(ram, pos / VHDX_PAGE);
		size_t n = in_page(pos, len);

		if (page)
			memcpy(out, page->data + pos % VHDX_PAGE, n);
		else
			memset(out, 0, n);
		pos += n;
		out += n;
		len -= n;
	}
}

/**
 * ram_store_write() - change bytes
 * @ram: the store; grows if it must
 * @pos: byte offset, at any alignment
 * @buf: the bytes
 * @len: how many
 *
 * Zeros that fall on pages which were never written take no memory.
 */
void ram_store_write(struct ram_store *ram, u64 pos, const void *buf,
		     size_t len)
{
	const u8 *in = buf;

	ram->store.size = max(ram->store.size, pos + len);
	while (len) {
		size_t n = in_page(pos, len);
		struct ram_page *page = find_page(ram, pos / VHDX_PAGE);

		if (!page && !is_zero(in, n)) {
			page = make_page(ram, pos / VHDX_PAGE);
			if (!page)
				ram->broken = -ENOMEM;
		}
		if (page)
			memcpy(page->data + pos % VHDX_PAGE, in, n);
		pos += n;
		in += n;
		len -= n;
	}
}

/**
 * ram_store_put() - change a little-endian number
 * @ram: the store
 * @pos: byte offset, at any alignment
 * @value: the number
 * @width: bytes, up to 8
 */
void ram_store_put(struct ram_store *ram, u64 pos, u64 value,
		   unsigned int width)
{
	__le64 disk = cpu_to_le64(value);

	ram_store_write(ram, pos, &disk, width);
}

/**
 * ram_store_get() - look at a little-endian number
 * @ram: the store
 * @pos: byte offset, at any alignment
 * @width: bytes, up to 8
 *
 * Return: the number.
 */
u64 ram_store_get(const struct ram_store *ram, u64 pos, unsigned int width)
{
	__le64 disk = 0;

	ram_store_peek(ram, pos, &disk, width);
	return le64_to_cpu(disk);
}

static bool is_bad(const struct ram_store *ram, u64 pos, u64 len)
{
	return pos < ram->break_end && ram->break_start < pos + len;
}

static int ram_store_read(struct vhdx_store *store, u64 pos, void *buf,
			  size_t len)
{
	struct ram_store *ram = container_of(store, struct ram_store, store);
	u64 inside;

	ram->reads++;
	ram->bytes += len;
	if (ram->broken)
		return ram->broken;
	/* The contract of struct vhdx_store_ops. */
	if (!len || pos % VHDX_PAGE || len % VHDX_PAGE || (uintptr_t)buf % 8)
		return -EFAULT;
	if (ram->reads == ram->break_read || is_bad(ram, pos, len)) {
		memset(buf, 0xE7, len);
		return ram->error;
	}
	inside = pos < store->size ? min_t(u64, len, store->size - pos) : 0;
	if (inside && pos + inside > store->size - ram->missing)
		return -EIO;
	ram_store_peek(ram, pos, buf, inside);
	memset((u8 *)buf + inside, 0, len - inside);
	return 0;
}

/* Counts a call and says whether it fails: before it has changed anything. */
static int begin(struct ram_store *ram, enum ram_op op)
{
	if (ram->broken)
		return ram->broken;
	if (ram->missing ||
	    (ram->stop_at && ram->changes >= ram->stop_at - 1))
		return -EIO;
	if (++ram->calls[op] == ram->break_call[op])
		return ram->op_error[op];
	if (op == RAM_FLUSH)
		ram->flushed_changes = ram->changes;
	else
		ram->changes++;
	return 0;
}

/* The contract of struct vhdx_store_ops. */
static bool whole_pages_inside(const struct ram_store *ram, u64 pos, u64 len)
{
	return len && pos % VHDX_PAGE == 0 && len % VHDX_PAGE == 0 &&
	       pos + len > pos && pos + len <= ram->store.size;
}

static int op_write(struct vhdx_store *store, u64 pos, const void *buf,
		    size_t len)
{
	struct ram_store *ram = container_of(store, struct ram_store, store);
	int r;

	if (!whole_pages_inside(ram, pos, len) || (uintptr_t)buf % 8)
		return -EFAULT;
	r = begin(ram, RAM_WRITE);
	if (!r)
		ram_store_write(ram, pos, buf, len);
	return r ? r : ram->broken;
}

static int op_flush(struct vhdx_store *store)
{
	return begin(container_of(store, struct ram_store, store), RAM_FLUSH);
}

/* Every page from one number to before another becomes @byte. */
static void fill_pages(struct ram_store *ram, u64 first, u64 end, u8 byte)
{
	u32 i;

	for (i = 0; i < RAM_STORE_BUCKETS; i++) {
		struct ram_page *page;

		for (page = ram->bucket[i]; page; page = page->next)
			if (page->number >= first && page->number < end)
				memset(page->data, byte, VHDX_PAGE);
	}
}

static int make_longer(struct vhdx_store *store, enum ram_op op, u64 size)
{
	struct ram_store *ram = container_of(store, struct ram_store, store);
	int r;

	if (size <= store->size)
		return -EFAULT;
	r = begin(ram, op);
	if (!r)
		store->size = size;
	return r;
}

static int op_lengthen(struct vhdx_store *store, u64 size)
{
	return make_longer(store, RAM_LENGTHEN, size);
}

static int op_extend(struct vhdx_store *store, u64 size)
{
	return make_longer(store, RAM_EXTEND, size);
}

static int op_truncate(struct vhdx_store *store, u64 size)
{
	struct ram_store *ram = container_of(store, struct ram_store, store);
	struct ram_page *page = find_page(ram, size / VHDX_PAGE);
	int r;

	if (size >= store->size)
		return -EFAULT;
	r = begin(ram, RAM_TRUNCATE);
	if (r)
		return r;
	if (page)
		memset(page->data + size % VHDX_PAGE, 0,
		       VHDX_PAGE - size % VHDX_PAGE);
	fill_pages(ram, size / VHDX_PAGE + 1, U64_MAX, 0);
	store->size = size;
	return 0;
}

static int op_zero(struct vhdx_store *store, u64 pos, u64 len)
{
	struct ram_store *ram = container_of(store, struct ram_store, store);
	int r;

	if (!whole_pages_inside(ram, pos, len))
		return -EFAULT;
	r = begin(ram, RAM_ZERO);
	if (!r && is_bad(ram, pos, len))
		r = ram->error;
	if (!r)
		fill_pages(ram, pos / VHDX_PAGE, (pos + len) / VHDX_PAGE, 0);
	return r;
}

static int op_discard(struct vhdx_store *store, u64 pos, u64 len)
{
	struct ram_store *ram = container_of(store, struct ram_store, store);
	int r;

	if (!whole_pages_inside(ram, pos, len))
		return -EFAULT;
	r = begin(ram, RAM_DISCARD);
	if (!r)
		fill_pages(ram, pos / VHDX_PAGE, (pos + len) / VHDX_PAGE, 0xE7);
	return r;
}

static u64 op_length(const struct vhdx_store *store)
{
	return store->size -
	       container_of(store, struct ram_store, store)->missing;
}

static const struct vhdx_store_ops ram_store_ops = {
	.read = ram_store_read,
	.write = op_write,
	.flush = op_flush,
	.lengthen = op_lengthen,
	.extend = op_extend,
	.truncate = op_truncate,
	.zero = op_zero,
	.discard = op_discard,
	.length = op_length,
};

/**
 * ram_store_break_range() - a range cannot be read, nor zeroed, from now on
 * @ram: the store
 * @pos: byte offset of the range
 * @len: bytes in it
 * @error: the negative errno that they return
 */
void ram_store_break_range(struct ram_store *ram, u64 pos, u64 len, int error)
{
	ram->break_start = pos;
	ram->break_end = pos + len;
	ram->error = error;
}

/**
 * ram_store_break_read() - one read fails
 * @ram: the store
 * @nth: which one, counted from 1 for the next
 * @error: the negative errno that it returns
 */
void ram_store_break_read(struct ram_store *ram, u64 nth, int error)
{
	ram->break_read = ram->reads + nth;
	ram->error = error;
}

/**
 * ram_store_break_op() - one call of an operation fails, and changes nothing
 * @ram: the store
 * @op: which operation
 * @nth: which call of it, counted from 1 for the next
 * @error: the negative errno that it returns
 */
void ram_store_break_op(struct ram_store *ram, enum ram_op op, u64 nth,
			int error)
{
	ram->break_call[op] = ram->calls[op] + nth;
	ram->op_error[op] = error;
}

/**
 * ram_store_stop_after() - the power goes after so many changes
 * @ram: the store
 * @changes: that are still done; all later ones fail and change nothing
 */
void ram_store_stop_after(struct ram_store *ram, u64 changes)
{
	ram->stop_at = ram->changes + changes + 1;
}

/**
 * ram_store_mend() - nothing fails any more
 * @ram: the store
 */
void ram_store_mend(struct ram_store *ram)
{
	ram->break_start = 0;
	ram->break_end = 0;
	ram->break_read = 0;
	ram->stop_at = 0;
	memset(ram->break_call, 0, sizeof(ram->break_call));
	ram->store.lost = 0;
}

/**
 * ram_store_copy() - make a store hold what another one does
 * @to: set up anew; what it held is freed
 * @from: the other
 */
void ram_store_copy(struct ram_store *to, const struct ram_store *from)
{
	u32 i;

	ram_store_exit(to);
	ram_store_init(to);
	for (i = 0; i < RAM_STORE_BUCKETS; i++) {
		const struct ram_page *page;

		for (page = from->bucket[i]; page; page = page->next)
			ram_store_write(to, page->number * VHDX_PAGE,
					page->data, VHDX_PAGE);
	}
	to->store.size = from->store.size;
}

/* The first byte in a page of @a that is not the same in @b. */
static u64 page_differs(const struct ram_page *page, const struct ram_store *b)
{
	static const u8 zero[VHDX_PAGE];
	const struct ram_page *other = find_page(b, page->number);
	const u8 *data = other ? other->data : zero;
	u32 i;

	for (i = 0; i < VHDX_PAGE; i++)
		if (page->data[i] != data[i])
			return page->number * VHDX_PAGE + i;
	return U64_MAX;
}

/**
 * ram_store_differs() - find where two stores differ
 * @a: one
 * @b: the other
 *
 * Return: offset of the first byte that differs, U64_MAX if they are alike. A
 * length that differs counts as a byte behind the shorter one.
 */
u64 ram_store_differs(const struct ram_store *a, const struct ram_store *b)
{
	u64 first = U64_MAX;
	u32 i;

	if (a->store.size != b->store.size)
		first = min(a->store.size, b->store.size);
	for (i = 0; i < RAM_STORE_BUCKETS; i++) {
		const struct ram_page *page;

		for (page = a->bucket[i]; page; page = page->next)
			first = min(first, page_differs(page, b));
		for (page = b->bucket[i]; page; page = page->next)
			first = min(first, page_differs(page, a));
	}
	return first;
}

/**
 * ram_store_init() - make an empty store
 * @ram: what to set up
 */
void ram_store_init(struct ram_store *ram)
{
	memset(ram, 0, sizeof(*ram));
	ram->store.ops = &ram_store_ops;
}

/**
 * ram_store_exit() - free a store's pages
 * @ram: the store; may be set up anew
 */
void ram_store_exit(struct ram_store *ram)
{
	u32 i;

	for (i = 0; i < RAM_STORE_BUCKETS; i++) {
		while (ram->bucket[i]) {
			struct ram_page *page = ram->bucket[i];

			ram->bucket[i] = page->next;
			kfree(page->data);
			kfree(page);
		}
	}
}

static void change_page(struct ram_store *to, const struct ram_store *before,
			const struct ram_store *after, u64 page, u64 keep)
{
	u8 old[512], new[512];
	u64 pos;

	for (pos = page; pos < page + VHDX_PAGE; pos += 512) {
		ram_store_peek(before, pos, old, 512);
		ram_store_peek(after, pos, new, 512);
		if (memcmp(old, new, 512) && (keep >> pos / 512 % 64 & 1))
			ram_store_write(to, pos, new, 512);
	}
}

/**
 * ram_store_change() - make some of the changes between two stores
 * @to: the store to change; what it has elsewhere stays
 * @before: one store
 * @after: the other
 * @keep: a sector counts if its number modulo 64 has a bit here
 */
void ram_store_change(struct ram_store *to, const struct ram_store *before,
		      const struct ram_store *after, u64 keep)
{
	u32 i;

	for (i = 0; i < RAM_STORE_BUCKETS; i++) {
		const struct ram_page *page;

		for (page = after->bucket[i]; page; page = page->next)
			if (page_differs(page, before) != U64_MAX)
				change_page(to, before, after,
					    page->number * VHDX_PAGE, keep);
		for (page = before->bucket[i]; page; page = page->next)
			if (!find_page(after, page->number))
				change_page(to, before, after,
					    page->number * VHDX_PAGE, keep);
	}
}
