// SPDX-License-Identifier: GPL-2.0-only
#include "reference.h"

struct entry {
	u64 at;			/* from the start of the log */
	u64 length;
	u64 tail;
	u64 sequence;
	u32 descriptors;
	u64 flushed;
	u64 last;
};

/* Valid entries, and for each page of the log which of them begins there. */
struct entries {
	struct entry *entry;
	u32 count;
	u32 *at_page;		/* the number of the entry plus one */
	u64 log_length;
};

/* Bytes of the ring; none of what is read here crosses a page. */
static void read_log(const struct reference *ref, u64 at, void *buf, u32 len)
{
	fuzz_layer_read(ref->file, ref->log_base + at % ref->log_length, buf,
			len);
}

static u64 log_number(const struct reference *ref, u64 at, u32 width)
{
	__le64 value = 0;

	read_log(ref, at, &value, width);
	return le64_to_cpu(value);
}

static u64 descriptor_bytes(const struct entry *entry)
{
	return (64 + 32ULL * entry->descriptors + 4095) / 4096 * 4096;
}

static u64 descriptor_at(const struct entry *entry, u32 index)
{
	return entry->at + 64 + 32ULL * index;
}

static bool is(const struct reference *ref, u64 at, const char *signature)
{
	u8 bytes[4];

	read_log(ref, at, bytes, 4);
	return !memcmp(bytes, signature, 4);
}

/* [MS-VHDX] 2.3.1.1: what an entry's header must say. */
static bool read_header(const struct reference *ref, u64 at,
			struct entry *entry)
{
	u8 guid[16];

	read_log(ref, at + 32, guid, 16);
	entry->at = at;
	entry->length = log_number(ref, at + 8, 4);
	entry->tail = log_number(ref, at + 12, 4);
	entry->sequence = log_number(ref, at + 16, 8);
	entry->descriptors = log_number(ref, at + 24, 4);
	entry->flushed = log_number(ref, at + 48, 8);
	entry->last = log_number(ref, at + 56, 8);
	return is(ref, at, "loge") && !memcmp(guid, ref->log_guid, 16) &&
	       entry->length && entry->length % 4096 == 0 &&
	       entry->length <= ref->log_length && entry->tail % 4096 == 0 &&
	       entry->tail < ref->log_length && entry->sequence &&
	       descriptor_bytes(entry) <= entry->length;
}

/* Only what lies behind the headers and outside the log may be logged. */
static bool target_right(const struct reference *ref, u64 start, u64 length)
{
	if (start % 4096 || length % 4096 || start > 1ULL << 48 ||
	    length > (1ULL << 48) - start)
		return false;
	return start >= 196608 &&
	       (start + length <= ref->log_base ||
		start >= ref->log_base + ref->log_length);
}

/* [MS-VHDX] 2.3.1.2 and 2.3.1.3. Returns the data sectors, or -1. */
static long long count_data(const struct reference *ref,
			    const struct entry *entry)
{
	long long data = 0;
	u32 i;

	for (i = 0; i < entry->descriptors; i++) {
		u64 at = descriptor_at(entry, i);
		bool zero = is(ref, at, "zero");
		u64 length = zero ? log_number(ref, at + 8, 8) : 4096;

		if ((!zero && !is(ref, at, "desc")) ||
		    log_number(ref, at + 24, 8) != entry->sequence ||
		    !target_right(ref, log_number(ref, at + 16, 8), length))
			return -1;
		data += !zero;
	}
	return data;
}

static bool data_right(const struct reference *ref, const struct entry *entry)
{
	u64 at = entry->at + descriptor_bytes(entry);

	for (; at < entry->at + entry->length; at += 4096)
		if (!is(ref, at, "data") ||
		    log_number(ref, at + 4, 4) != entry->sequence >> 32 ||
		    log_number(ref, at + 4092, 4) !=
			    (entry->sequence & 0xffffffff))
			return false;
	return true;
}

static bool sum_right(const struct reference *ref, const struct entry *entry)
{
	static u8 page[4096];
	u32 crc = ~0U;
	u64 done;

	for (done = 0; done < entry->length; done += 4096) {
		read_log(ref, entry->at + done, page, 4096);
		if (!done)
			memset(page + 4, 0, 4);
		crc = reference_crc(crc, page, 4096);
	}
	return ~crc == log_number(ref, entry->at + 4, 4);
}

static bool read_entry(const struct reference *ref, u64 at, struct entry *entry)
{
	long long data;

	if (!is(ref, at, "loge") || !read_header(ref, at, entry))
		return false;
	data = count_data(ref, entry);
	return data >= 0 &&
	       entry->length == descriptor_bytes(entry) + (u64)data * 4096 &&
	       data_right(ref, entry) && sum_right(ref, entry);
}

static void read_entries(const struct reference *ref, struct entries *all)
{
	u64 at;

	all->log_length = ref->log_length;
	all->count = 0;
	all->entry = calloc(ref->log_length / 4096, sizeof(*all->entry));
	all->at_page = calloc(ref->log_length / 4096, sizeof(u32));
	for (at = 0; at < ref->log_length; at += 4096)
		if (read_entry(ref, at, &all->entry[all->count]))
			all->at_page[at / 4096] = ++all->count;
}

static const struct entry *entry_at(const struct entries *all, u64 at)
{
	u32 number = all->at_page[at % all->log_length / 4096];

	return number ? &all->entry[number - 1] : NULL;
}

static const struct entry *next(const struct entries *all,
				const struct entry *entry)
{
	const struct entry *after = entry_at(all, entry->at + entry->length);

	return after && after->sequence == entry->sequence + 1 ? after : NULL;
}

/*
 * [MS-VHDX] 2.3.2, as it stands there: every entry is tried as the first of a
 * sequence; the sequence counts if its last entry's Tail lies in it; the one
 * with the greatest sequence number is the active one.
 */
static const struct entry *active_head(const struct entries *all)
{
	const struct entry *best = NULL;
	u32 i;

	for (i = 0; i < all->count; i++) {
		const struct entry *head = &all->entry[i];
		const struct entry *entry;

		while (next(all, head))
			head = next(all, head);
		for (entry = &all->entry[i]; entry; entry = next(all, entry))
			if (entry->at == head->tail)
				break;
		if (entry && (!best || head->sequence > best->sequence ||
			      (head->sequence == best->sequence &&
			       head->at < best->at)))
			best = head;
	}
	return best;
}

static void take_descriptor(struct reference *ref, u64 at, u64 *data)
{
	struct reference_change *change = &ref->changes[ref->change_count++];

	change->start = log_number(ref, at + 16, 8);
	change->zero = is(ref, at, "zero");
	change->length = change->zero ? log_number(ref, at + 8, 8) : 4096;
	change->source = ref->log_base + *data % ref->log_length;
	read_log(ref, at + 8, change->first, 8);
	read_log(ref, at + 4, change->last, 4);
	if (!change->zero)
		*data += 4096;
	if (change->length)
		ref->length = max(ref->length, change->start + change->length);
}

static void take_entry(struct reference *ref, const struct entry *entry)
{
	u64 data = entry->at + descriptor_bytes(entry);
	u32 i;

	ref->changes = realloc(ref->changes,
			       (ref->change_count + entry->descriptors + 1) *
			       sizeof(*ref->changes));
	for (i = 0; i < entry->descriptors; i++)
		take_descriptor(ref, descriptor_at(entry, i), &data);
}

/**
 * reference_replay() - find the active sequence and list what it changes
 * @ref: whose header is known
 *
 * Return: false if there is none, or the file is too short for it.
 */
bool reference_replay(struct reference *ref)
{
	const struct entry *head, *entry;
	struct entries all;
	bool usable;

	if (!ref->log_length || ref->log_length % 4096)
		return false;
	read_entries(ref, &all);
	head = active_head(&all);
	usable = head && head->flushed <= ref->file->size;
	if (usable) {
		for (entry = entry_at(&all, head->tail); entry != head;
		     entry = next(&all, entry))
			take_entry(ref, entry);
		take_entry(ref, head);
		ref->length = max(ref->length, head->last);
	}
	free(all.entry);
	free(all.at_page);
	return usable;
}
