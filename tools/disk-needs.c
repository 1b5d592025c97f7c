// SPDX-License-Identifier: GPL-2.0-only
#include "disk-needs.h"
#include "message.h"

/* Superblocks begin within so much of the disk. */
#define SUPER_BYTES	(128 * 1024)

/**
 * struct search - what is looked at
 * @disk: the disk
 * @needs: filled in
 * @size: bytes of the disk
 * @sector: bytes of a logical sector
 * @super: its first SUPER_BYTES
 */
struct search {
	struct disk *disk;
	struct disk_needs *needs;
	u64 size;
	u32 sector;
	u8 *super;
};

static u64 little(const u8 *at, unsigned int bytes)
{
	u64 value = 0;

	while (bytes--)
		value = value << 8 | at[bytes];
	return value;
}

static u64 big(const u8 *at, unsigned int bytes)
{
	u64 value = 0;

	while (bytes--)
		value = value << 8 | *at++;
	return value;
}

/* A product that does not fit, or a shift that is too large, is no size. */
static u64 product(u64 count, u64 unit)
{
	u64 bytes;

	return __builtin_mul_overflow(count, unit, &bytes) ? 0 : bytes;
}

/* The feature needs_recovery: the journal may hold another size. */
static bool ext_needs_recovery(const u8 *super)
{
	return little(super + 1024 + 0x60, 4) & 0x4;
}

static u64 size_of_ext(const u8 *super)
{
	const u8 *s = super + 1024;
	u64 blocks = little(s + 4, 4);
	u64 shift = little(s + 24, 4);

	if (ext_needs_recovery(super))
		return 0;
	/* The feature of 64 bits. */
	if (little(s + 0x60, 4) & 0x80)
		blocks |= little(s + 0x150, 4) << 32;
	return shift > 6 ? 0 : product(blocks, 1024ULL << shift);
}

static u64 size_of_xfs(const u8 *super)
{
	return product(big(super + 8, 8), big(super + 4, 4));
}

/* The backup of the boot sector lies behind what it counts. */
static u64 size_of_ntfs(const u8 *super)
{
	return product(little(super + 0x28, 8) + 1, little(super + 0x0b, 2));
}

static u64 size_of_fat(const u8 *super)
{
	u64 sectors = little(super + 0x13, 2);

	if (!sectors)
		sectors = little(super + 0x20, 4);
	return product(sectors, little(super + 0x0b, 2));
}

static u64 size_of_exfat(const u8 *super)
{
	u8 shift = super[108];

	return shift > 12 ? 0 : product(little(super + 72, 8), 1ULL << shift);
}

/* total_bytes of this device, in the dev_item of the first superblock. */
static u64 size_of_btrfs(const u8 *super)
{
	return little(super + 0x10000 + 0xc9 + 8, 8);
}

static u64 size_of_swap(const u8 *super)
{
	bool is_4k = !memcmp(super + 4086, "SWAPSPACE2", 10);

	return is_4k ? product(little(super + 1028, 4) + 1, 4096) : 0;
}

/* device_size of the header that one of the first four sectors names. */
static u64 size_of_lvm(const u8 *super)
{
	const u8 *label;
	u64 offset;

	for (label = super; label < super + 2048; label += 512) {
		if (memcmp(label, "LABELONE", 8))
			continue;
		offset = little(label + 20, 4);
		return offset > 512 - 40 ? 0 : little(label + offset + 32, 8);
	}
	return 0;
}

static const struct {
	const char *type;
	u64 (*size)(const u8 *super);
} known[] = {
	{ "ext2", size_of_ext },
	{ "ext3", size_of_ext },
	{ "ext4", size_of_ext },
	{ "xfs", size_of_xfs },
	{ "ntfs", size_of_ntfs },
	{ "vfat", size_of_fat },
	{ "exfat", size_of_exfat },
	{ "btrfs", size_of_btrfs },
	{ "swap", size_of_swap },
	{ "LVM2_member", size_of_lvm },
};

/* Contents of unknown size may need the whole disk. */
static u64 size_of(const struct search *s, const char *type)
{
	u64 size = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i].type, type))
			size = known[i].size(s->super);
	return size && size <= s->size ? size : s->size;
}

__printf(3, 4)
static void need(const struct search *s, u64 bytes, const char *fmt, ...)
{
	struct disk_needs *needs = s->needs;
	va_list args;

	bytes = min_t(u64, ALIGN(bytes, (u64)s->sector), s->size);
	if (bytes <= needs->bytes)
		return;
	needs->bytes = bytes;
	va_start(args, fmt);
	vsnprintf(needs->what, sizeof(needs->what), fmt, args);
	va_end(args);
}

/* The header, and the entries that it counts, come once more at the end. */
static u64 backup_bytes(const struct search *s)
{
	const u8 *header = s->super + s->sector;
	u64 entries = product(little(header + 80, 4), little(header + 84, 4));

	/* If the header is lost, assume the smallest table of entries. */
	if (memcmp(header, "EFI PART", 8) || entries < 16384)
		entries = 16384;
	return s->sector + ALIGN(min_t(u64, entries, VHDX_MIB),
				 (u64)s->sector);
}

/* The backup may list other partitions, if some program changed one copy only. */
static int look_at_backup(const struct search *s, u64 *end)
{
	const u8 *header = s->super + s->sector;
	struct disk_probe probe;
	u64 last = little(header + 32, 8), other;
	int found;

	if (memcmp(header, "EFI PART", 8) || last < 2 ||
	    last >= s->size / s->sector)
		return 0;
	found = disk_probe_open(&probe, s->disk, (last + 1) * s->sector,
				s->sector);
	if (found)
		return found;
	found = disk_probe_end(&probe, &other);
	disk_probe_close(&probe);
	if (found == DISK_TABLE_GPT)
		*end = max(*end, other);
	return found < 0 ? found : 0;
}

/*
 * Find where the backup lies. The first copy names its header, which names its
 * entries. All programs put them right before it; what is said to lie elsewhere is
 * not taken for a backup, for nobody looks at that before it is cut.
 */
static void find_backup(const struct search *s, const u8 *header, u64 at)
{
	u64 usable = product(little(s->super + s->sector + 48, 8) + 1,
			     s->sector);
	u64 entries = product(little(header + 72, 8), s->sector);
	u64 bytes = ALIGN(product(little(header + 80, 4),
				  little(header + 84, 4)), (u64)s->sector);
	struct disk_span *backup = s->needs->backup;

	if (memcmp(header, "EFI PART", 8) ||
	    product(little(header + 24, 8), s->sector) != at)
		return;
	backup[0] = (struct disk_span){ at, at + s->sector };
	if (usable && entries >= usable && bytes <= VHDX_MIB &&
	    entries + bytes == at)
		backup[1] = (struct disk_span){ entries, entries + bytes };
}

static int look_for_backup(const struct search *s)
{
	u64 at = product(little(s->super + s->sector + 32, 8), s->sector);
	u8 *header;
	int err;

	if (at < 2 * s->sector || at >= s->size)
		return 0;
	header = malloc(s->sector);
	if (!header)
		return -ENOMEM;
	err = vhdx_chain_read(s->disk->chain, at, header, s->sector);
	if (!err)
		find_backup(s, header, at);
	free(header);
	return err;
}

/* Libblkid takes the backup if the first copy is not valid. */
static int has_primary(const struct search *s)
{
	struct disk_probe probe;
	u64 end;
	int found = disk_probe_open(&probe, s->disk, s->size,
				    s->size - s->sector);

	if (found)
		return found;
	found = disk_probe_end(&probe, &end);
	disk_probe_close(&probe);
	return found < 0 ? found : found == DISK_TABLE_GPT;
}

/*
 * No program takes a GPT that calls sectors behind the end of the disk usable. And
 * the backup, which goes with the old end, must not be the only valid copy.
 */
static int look_at_gpt(const struct search *s, u64 end)
{
	struct disk_needs *needs = s->needs;
	u64 last = little(s->super + s->sector + 48, 8);
	u64 usable = product(last + 1, s->sector);
	int r = has_primary(s);

	needs->gpt = true;
	if (r < 0)
		return r;
	if (!r) {
		need(s, s->size, "a GPT whose first copy is damaged");
		return end != 0;
	}
	r = look_for_backup(s);
	if (!r)
		r = look_at_backup(s, &end);
	end = ALIGN(end, (u64)s->sector);
	needs->gpt_backup = backup_bytes(s);
	if (usable <= end) {
		need(s, end + needs->gpt_backup,
		     "its partitions, which end at byte %llu, and the backup of the GPT",
		     (unsigned long long)end);
	} else {
		needs->gpt_end = max_t(u64, end, VHDX_MIB);
		need(s, usable + needs->gpt_backup,
		     "a GPT whose last usable sector is %llu, and its backup",
		     (unsigned long long)last);
	}
	return r ? r : end != 0;
}

/* Libblkid takes no GPT without its MBR; a partition program might. */
static bool has_lost_gpt(const struct search *s)
{
	return !memcmp(s->super + 512, "EFI PART", 8) ||
	       !memcmp(s->super + 4096, "EFI PART", 8);
}

/* Return 1 if partitions say which part of the disk is in use. */
static int look_at_partitions(const struct search *s,
			      const struct disk_probe *probe)
{
	u64 end;
	int found = disk_probe_end(probe, &end);

	if (found < 0)
		return found;
	if (found == DISK_TABLE_GPT)
		return look_at_gpt(s, end);
	if (has_lost_gpt(s))
		need(s, s->size, "a GPT that is damaged");
	need(s, end, "its partitions, which end at byte %llu",
	     (unsigned long long)end);
	return found == DISK_TABLE_MBR && end;
}

/* A log of XFS may hold a larger size, and what was added has been written by then. */
static int look_at_type(const struct search *s, const struct disk_probe *probe,
			bool *found)
{
	char type[32];
	u64 size;
	int err = disk_probe_type(probe, type, sizeof(type));

	*found = !err && *type && strcmp(type, "xfs");
	if (err || !*type)
		return err;
	size = size_of(s, type);
	if (!strcmp(type, "?"))
		need(s, s->size, "what could be several file systems");
	else if (!strncmp(type, "ext", 3) && ext_needs_recovery(s->super))
		need(s, s->size, "%s, whose journal must be replayed first: mount it, or e2fsck",
		     type);
	else if (size == s->size)
		need(s, size, "%s, which has all of the disk, or does not say how much of it",
		     type);
	else
		need(s, size, "%s, which has %llu bytes", type,
		     (unsigned long long)size);
	return 0;
}

/* Find the end of the last block that any image of the chain has. */
static int look_at_blocks(const struct search *s)
{
	struct vhdx_chain *chain = s->disk->chain;
	struct vhdx_run run;
	u64 pos = 0, end = 0;
	int err = 0;

	while (pos < s->size) {
		err = vhdx_chain_find(chain, pos, s->size - pos, &run);
		if (err)
			break;
		pos += run.length;
		if (run.kind != VHDX_RUN_ZERO)
			end = pos;
	}
	if (!err)
		need(s, max(end, (u64)s->sector),
		     "data of no known kind, the last of which ends there");
	return err;
}

static int search(struct search *s)
{
	struct disk_probe probe;
	bool known_type = false;
	int parts, err;

	err = vhdx_chain_read(s->disk->chain, 0, s->super,
			      min_t(u64, s->size, SUPER_BYTES));
	if (!err)
		err = disk_probe_open(&probe, s->disk, s->size, 0);
	if (err)
		return err;
	parts = look_at_partitions(s, &probe);
	err = parts < 0 ? parts : look_at_type(s, &probe, &known_type);
	disk_probe_close(&probe);
	if (!err && !parts && !known_type)
		err = look_at_blocks(s);
	return err;
}

/**
 * disk_needs() - how much of a disk is needed by what is on it
 * @disk: the disk, from disk_follow()
 * @needs: filled in
 *
 * Reads the first and the last MiB, and the BAT unless what is found there says all.
 *
 * Return: 0, or a negative errno after a message.
 */
int disk_needs(struct disk *disk, struct disk_needs *needs)
{
	const struct vhdx_params *params = &disk->layer[0]->image->params;
	struct search s = {
		.disk = disk,
		.needs = needs,
		.size = params->size,
		.sector = params->logical_sector,
		.super = calloc(1, SUPER_BYTES),
	};
	int err = s.super ? 0 : -ENOMEM;

	*needs = (struct disk_needs){ 0 };
	if (!err)
		err = search(&s);
	if (err)
		msg_err("%s: what is on the disk cannot be read: %s",
			disk->layer[0]->path, strerror(-err));
	free(s.super);
	return err;
}
