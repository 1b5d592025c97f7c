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
 */
u64 ram_store_get(const struct ram_store *ram, u64 pos, unsigned int width)
{
	__le64 disk = 0;

	ram_store_peek(ram, pos, &disk, width);
	return le64_to_cpu(disk);
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
	if (ram->reads == ram->break_read ||
	    (pos < ram->break_end && ram->break_start < pos + len)) {
		memset(buf, 0xE7, len);
		return ram->error;
	}
	inside = pos < store->size ? min_t(u64, len, store->size - pos) : 0;
	ram_store_peek(ram, pos, buf, inside);
	memset((u8 *)buf + inside, 0, len - inside);
	return 0;
}

static const struct vhdx_store_ops ram_store_ops = {
	.read = ram_store_read,
};

/**
 * ram_store_break_range() - reads that touch a range fail from now on
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
 * ram_store_mend() - no read fails any more
 * @ram: the store
 */
void ram_store_mend(struct ram_store *ram)
{
	ram->break_start = 0;
	ram->break_end = 0;
	ram->break_read = 0;
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
