/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VHDX on-disk format: layouts, constants and GUIDs, and nothing else.
 *
 * Source: [MS-VHDX] 2.1 to 2.6. All integers are little-endian. GUIDs are in
 * Microsoft's binary form, which is the kernel's guid_t. Static assertions
 * check every offset, so that this file can be compared with the specification
 * line by line. Structures named vhdx_disk_* describe bytes on disk; their
 * decoded counterparts drop the "disk".
 */
#ifndef VHDX_FORMAT_H
#define VHDX_FORMAT_H

#include "env.h"

#define VHDX_KIB			1024ULL
#define VHDX_MIB			(1024 * VHDX_KIB)
#define VHDX_TIB			(1024 * 1024 * VHDX_MIB)

/*
 * The unit of logging, of BAT pages and of every metadata read ([MS-VHDX]
 * 2.3.1).
 */
#define VHDX_PAGE			4096U
#define VHDX_PAGE_SHIFT			12

/*
 * Log, regions, payload and sector bitmap blocks are aligned to this ([MS-VHDX]
 * 2.1).
 */
#define VHDX_ALIGN			VHDX_MIB
#define VHDX_ALIGN_SHIFT		20

/* The header section: fixed places inside the first MiB ([MS-VHDX] 2.2). */
#define VHDX_FILE_ID_OFFSET		0ULL
#define VHDX_HEADER_OFFSET(slot)	((1ULL + (slot)) * 64 * VHDX_KIB)
#define VHDX_REGION_TABLE_OFFSET(copy)	((3ULL + (copy)) * 64 * VHDX_KIB)
#define VHDX_HEADER_SECTION		VHDX_MIB

#define VHDX_HEADER_SIZE		4096U
#define VHDX_TABLE_SIZE			65536U
#define VHDX_TABLE_ENTRIES_MAX		2047U

/*
 * Signatures in on-disk byte order; the specification prints some of them
 * byte-swapped.
 */
#define VHDX_FILE_SIGNATURE		0x656C696678646876ULL	/* "vhdxfile" */
#define VHDX_HEADER_SIGNATURE		0x64616568U		/* "head" */
#define VHDX_REGION_SIGNATURE		0x69676572U		/* "regi" */
#define VHDX_METADATA_SIGNATURE		0x617461646174656DULL	/* "metadata" */
#define VHDX_LOG_ENTRY_SIGNATURE	0x65676F6CU		/* "loge" */
#define VHDX_LOG_ZERO_SIGNATURE		0x6F72657AU		/* "zero" */
#define VHDX_LOG_DESC_SIGNATURE		0x63736564U		/* "desc" */
#define VHDX_LOG_DATA_SIGNATURE		0x61746164U		/* "data" */

#define VHDX_VERSION			1
#define VHDX_LOG_VERSION		0

/* Limits of the format ([MS-VHDX] 2.6.2). */
#define VHDX_BLOCK_SIZE_MIN		VHDX_MIB
#define VHDX_BLOCK_SIZE_MAX		(256 * VHDX_MIB)
#define VHDX_DISK_SIZE_MAX		(64 * VHDX_TIB)
#define VHDX_ITEM_SIZE_MAX		VHDX_MIB
#define VHDX_USER_ITEMS_MAX		1024U

/*
 * The format sets none of these limits; a reader of hostile images needs them.
 * No writer comes near them: Windows logs are 1 MiB, and its locators have five
 * pairs.
 */
#define VHDX_LOG_LENGTH_MAX		(1024 * VHDX_MIB)
#define VHDX_LOG_CHANGES_MAX		(VHDX_LOG_LENGTH_MAX / VHDX_PAGE)
#define VHDX_LOCATOR_PAIRS_MAX		256U
#define VHDX_FILE_SIZE_MAX		(256 * VHDX_TIB)
#define VHDX_FILE_SLACK			(1024 * VHDX_MIB)

/*
 * A sector bitmap block is 1 MiB, one bit a sector: 2^23 sectors make a chunk
 * ([MS-VHDX] 2.4.2).
 */
#define VHDX_BITMAP_BLOCK_SIZE		VHDX_MIB
#define VHDX_CHUNK_SECTORS_SHIFT	23
#define VHDX_BITMAP_PAGES_SHIFT		8	/* 4 KiB pages in a sector bitmap block */
#define VHDX_BITS_PER_PAGE_SHIFT	15	/* sectors that one 4 KiB bitmap page covers */

/* File type identifier, [MS-VHDX] 2.2.1. */
struct vhdx_disk_file_id {
	__le64 signature;
	__le16 creator[256];
} __packed;
static_assert(sizeof(struct vhdx_disk_file_id) == 520);

/* Header, [MS-VHDX] 2.2.2. */
struct vhdx_disk_header {
	__le32 signature;
	__le32 checksum;
	__le64 sequence;
	guid_t file_write_guid;
	guid_t data_write_guid;
	guid_t log_guid;
	__le16 log_version;
	__le16 version;
	__le32 log_length;
	__le64 log_offset;
	u8 reserved[4016];
} __packed;
static_assert(offsetof(struct vhdx_disk_header, sequence) == 8);
static_assert(offsetof(struct vhdx_disk_header, log_guid) == 48);
static_assert(offsetof(struct vhdx_disk_header, log_version) == 64);
static_assert(offsetof(struct vhdx_disk_header, log_offset) == 72);
static_assert(sizeof(struct vhdx_disk_header) == VHDX_HEADER_SIZE);

/* Region table, [MS-VHDX] 2.2.3. */
struct vhdx_disk_region_entry {
	guid_t guid;
	__le64 file_offset;
	__le32 length;
	__le32 flags;
} __packed;
static_assert(sizeof(struct vhdx_disk_region_entry) == 32);

#define VHDX_REGION_REQUIRED		0x1U

struct vhdx_disk_region_table {
	__le32 signature;
	__le32 checksum;
	__le32 entry_count;
	__le32 reserved;
	struct vhdx_disk_region_entry entry[VHDX_TABLE_ENTRIES_MAX];
} __packed;
static_assert(sizeof(struct vhdx_disk_region_table) == 16 + 32 * 2047);
static_assert(sizeof(struct vhdx_disk_region_table) <= VHDX_TABLE_SIZE);

/* Log, [MS-VHDX] 2.3.1. */
struct vhdx_disk_log_entry {
	__le32 signature;
	__le32 checksum;
	__le32 entry_length;
	__le32 tail;
	__le64 sequence;
	__le32 descriptor_count;
	__le32 reserved;
	guid_t log_guid;
	__le64 flushed_file_offset;
	__le64 last_file_offset;
} __packed;
static_assert(offsetof(struct vhdx_disk_log_entry, sequence) == 16);
static_assert(offsetof(struct vhdx_disk_log_entry, log_guid) == 32);
static_assert(sizeof(struct vhdx_disk_log_entry) == 64);

/*
 * Data and zero descriptors ([MS-VHDX] 2.3.1.2, 2.3.1.3) share one layout: a
 * zero descriptor holds its length where a data descriptor holds the first
 * eight bytes of its sector.
 */
struct vhdx_disk_log_desc {
	__le32 signature;
	__le32 trailing_bytes;
	union {
		__le64 leading_bytes;
		__le64 zero_length;
	};
	__le64 file_offset;
	__le64 sequence;
} __packed;
static_assert(offsetof(struct vhdx_disk_log_desc, leading_bytes) == 8);
static_assert(offsetof(struct vhdx_disk_log_desc, file_offset) == 16);
static_assert(sizeof(struct vhdx_disk_log_desc) == 32);

#define VHDX_LOG_LEADING		8U
#define VHDX_LOG_TRAILING		4U

struct vhdx_disk_log_data {
	__le32 signature;
	__le32 sequence_high;
	u8 data[VHDX_PAGE - 12];
	__le32 sequence_low;
} __packed;
static_assert(offsetof(struct vhdx_disk_log_data, sequence_low) == 4092);
static_assert(sizeof(struct vhdx_disk_log_data) == VHDX_PAGE);

/* Metadata table, [MS-VHDX] 2.6.1. */
struct vhdx_disk_metadata_entry {
	guid_t item_id;
	__le32 offset;
	__le32 length;
	__le32 flags;
	__le32 reserved;
} __packed;
static_assert(sizeof(struct vhdx_disk_metadata_entry) == 32);

#define VHDX_ITEM_IS_USER		0x1U
#define VHDX_ITEM_IS_VIRTUAL_DISK	0x2U
#define VHDX_ITEM_IS_REQUIRED		0x4U
#define VHDX_ITEM_FLAGS			0x7U

struct vhdx_disk_metadata_table {
	__le64 signature;
	__le16 reserved;
	__le16 entry_count;
	u8 reserved2[20];
	struct vhdx_disk_metadata_entry entry[VHDX_TABLE_ENTRIES_MAX];
} __packed;
static_assert(offsetof(struct vhdx_disk_metadata_table, entry) == 32);
static_assert(sizeof(struct vhdx_disk_metadata_table) == VHDX_TABLE_SIZE);

/* Metadata items, [MS-VHDX] 2.6.2. */
struct vhdx_disk_file_parameters {
	__le32 block_size;
	__le32 flags;
} __packed;

#define VHDX_PARAM_LEAVE_ALLOCATED	0x1U
#define VHDX_PARAM_HAS_PARENT		0x2U
#define VHDX_PARAM_FLAGS		0x3U

/* Parent locator, [MS-VHDX] 2.6.2.6. */
struct vhdx_disk_locator_header {
	guid_t type;
	__le16 reserved;
	__le16 pair_count;
} __packed;
static_assert(sizeof(struct vhdx_disk_locator_header) == 20);

struct vhdx_disk_locator_pair {
	__le32 key_offset;
	__le32 value_offset;
	__le16 key_length;
	__le16 value_length;
} __packed;
static_assert(sizeof(struct vhdx_disk_locator_pair) == 12);

/* BAT entry, [MS-VHDX] 2.5.1. */
#define VHDX_BAT_STATE_MASK		0x7ULL
#define VHDX_BAT_RESERVED_MASK		0xFFFF8ULL
#define VHDX_BAT_OFFSET_MASK		(~0ULL << VHDX_ALIGN_SHIFT)
#define VHDX_BAT_ENTRIES_PER_PAGE	512U
#define VHDX_BAT_ENTRIES_PER_PAGE_SHIFT	9

/**
 * enum vhdx_block_state - states of a payload block ([MS-VHDX] 2.5.1.1)
 * @VHDX_BLOCK_NOT_PRESENT: reads as the parent, or as zeros without one
 * @VHDX_BLOCK_UNDEFINED: reads as anything; here, as zeros
 * @VHDX_BLOCK_ZERO: reads as zeros
 * @VHDX_BLOCK_UNMAPPED: was discarded; reads here as zeros
 * @VHDX_BLOCK_FULLY_PRESENT: has its data in the file
 * @VHDX_BLOCK_PARTIALLY_PRESENT: in a child, has the sectors whose bits are set
 *
 * A state is checked in bat.c and check.c, read in chain.c, and changed in
 * session-map.c and child.c.
 */
enum vhdx_block_state {
	VHDX_BLOCK_NOT_PRESENT		= 0,
	VHDX_BLOCK_UNDEFINED		= 1,
	VHDX_BLOCK_ZERO			= 2,
	VHDX_BLOCK_UNMAPPED		= 3,
	VHDX_BLOCK_FULLY_PRESENT	= 6,
	VHDX_BLOCK_PARTIALLY_PRESENT	= 7,
};

/*
 * Sector bitmap entries use two of these states: NOT_PRESENT and, with the
 * value 6, PRESENT ([MS-VHDX] 2.5.1.2).
 */
#define VHDX_BITMAP_NOT_PRESENT		VHDX_BLOCK_NOT_PRESENT
#define VHDX_BITMAP_PRESENT		VHDX_BLOCK_FULLY_PRESENT

/* Regions. */
#define VHDX_GUID_BAT \
	GUID_INIT(0x2DC27766, 0xF623, 0x4200, 0x9D, 0x64, 0x11, 0x5E, 0x9B, 0xFD, 0x4A, 0x08)
#define VHDX_GUID_METADATA \
	GUID_INIT(0x8B7CA206, 0x4790, 0x4B9A, 0xB8, 0xFE, 0x57, 0x5F, 0x05, 0x0F, 0x88, 0x6E)

/* Metadata items. */
#define VHDX_GUID_FILE_PARAMETERS \
	GUID_INIT(0xCAA16737, 0xFA36, 0x4D43, 0xB3, 0xB6, 0x33, 0xF0, 0xAA, 0x44, 0xE7, 0x6B)
#define VHDX_GUID_VIRTUAL_DISK_SIZE \
	GUID_INIT(0x2FA54224, 0xCD1B, 0x4876, 0xB2, 0x11, 0x5D, 0xBE, 0xD8, 0x3B, 0xF4, 0xB8)
#define VHDX_GUID_VIRTUAL_DISK_ID \
	GUID_INIT(0xBECA12AB, 0xB2E6, 0x4523, 0x93, 0xEF, 0xC3, 0x09, 0xE0, 0x00, 0xC7, 0x46)
#define VHDX_GUID_LOGICAL_SECTOR_SIZE \
	GUID_INIT(0x8141BF1D, 0xA96F, 0x4709, 0xBA, 0x47, 0xF2, 0x33, 0xA8, 0xFA, 0xAB, 0x5F)
#define VHDX_GUID_PHYSICAL_SECTOR_SIZE \
	GUID_INIT(0xCDA348C7, 0x445D, 0x4471, 0x9C, 0xC9, 0xE9, 0x88, 0x52, 0x51, 0xC5, 0x56)
#define VHDX_GUID_PARENT_LOCATOR \
	GUID_INIT(0xA8D35F2D, 0xB30B, 0x454D, 0xAB, 0xF7, 0xD3, 0xD8, 0x48, 0x34, 0xAB, 0x0C)

/* The one locator type that the format defines. */
#define VHDX_GUID_LOCATOR_TYPE \
	GUID_INIT(0xB04AEFB7, 0xD19E, 0x4A81, 0xB7, 0x89, 0x25, 0xB8, 0xE9, 0x44, 0x59, 0x13)

/*
 * Windows writes these items; the specification does not document them. A
 * reader can ignore CHS parameters and PMEM labels. An image with the
 * INCOMPLETE_FILE marker was never completely created.
 */
#define VHDX_GUID_CHS_PARAMETERS \
	GUID_INIT(0xDA02D7BC, 0x3D3A, 0x423C, 0xAC, 0x88, 0x2A, 0x36, 0xAB, 0x21, 0x47, 0x9B)
#define VHDX_GUID_INCOMPLETE_FILE \
	GUID_INIT(0x71CC85F0, 0x1B69, 0x4E28, 0x95, 0x58, 0xC3, 0xBF, 0x83, 0xAE, 0x75, 0xD3)
#define VHDX_GUID_PMEM_LABELS \
	GUID_INIT(0x10E1AE8A, 0x4B7E, 0x4169, 0xA4, 0x0F, 0xCD, 0x70, 0xDE, 0x92, 0x83, 0x93)

#endif /* VHDX_FORMAT_H */
