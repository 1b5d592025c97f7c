/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mended store: the bytes of a damaged image, with the bad ones replaced.
 *
 * Salvage puts it between the store and the image, so that what opens and reads
 * sound images also reads damaged ones. The damaged store is only read. From
 * below to top, a read passes these layers:
 *
 *	the damaged store
 *	the changes that its log makes, if it can be replayed
 *	plates: structures that were made up, such as a header
 *	the BAT: lost entries become entries that every reader refuses
 *
 * A lost BAT entry has a reserved state, and the reason in its reserved bits.
 * So the lookup of its block fails, and lookups of other blocks in its page do
 * not.
 *
 * mend.c APIs:
 *   vhdx_mend_init()	put a mended store over a damaged one
 *   vhdx_mend_exit()
 *   vhdx_mend_put()	replace bytes by a plate
 *   vhdx_mend_clip()	test whether a range is lost because the file is cut
 * mend.h APIs:
 *   vhdx_lost_entry()	a BAT entry that is lost
 *   vhdx_lost_reason()	why an entry is lost
 */
#ifndef VHDX_MEND_H
#define VHDX_MEND_H

#include "bat.h"
#include "replay.h"

/* The file identifier, two headers, two region tables, the metadata. */
#define VHDX_MEND_PLATES	6U

/**
 * enum vhdx_lost - why a part of the disk is lost
 * @VHDX_LOST_NOT: it is not
 * @VHDX_LOST_END: the file ends before it
 * @VHDX_LOST_MEDIUM: the medium gives it no more
 * @VHDX_LOST_ENTRY: its BAT entry cannot be read
 * @VHDX_LOST_ENTRY_END: the file ends before its BAT entry
 * @VHDX_LOST_STATE: its BAT entry has a reserved state
 * @VHDX_LOST_TAKEN: its BAT entry names the place of another structure
 * @VHDX_LOST_OWNER: its BAT entry names the place of another block
 * @VHDX_LOST_BITMAP: its sector bitmap cannot be read
 * @VHDX_LOST_PARENT: the parent had it
 * @VHDX_LOSTS: number of reasons
 */
enum vhdx_lost {
	VHDX_LOST_NOT,
	VHDX_LOST_END,
	VHDX_LOST_MEDIUM,
	VHDX_LOST_ENTRY,
	VHDX_LOST_ENTRY_END,
	VHDX_LOST_STATE,
	VHDX_LOST_TAKEN,
	VHDX_LOST_OWNER,
	VHDX_LOST_BITMAP,
	VHDX_LOST_PARENT,
	VHDX_LOSTS,
};

/**
 * struct vhdx_plate - bytes in place of others
 * @pos: byte offset in the file, a multiple of VHDX_PAGE
 * @length: bytes, a multiple of VHDX_PAGE
 * @data: the bytes; the store frees them
 */
struct vhdx_plate {
	u64 pos;
	u32 length;
	u8 *data;
};

/**
 * struct vhdx_mend - a mended store
 * @store: what an image is opened on; read-only
 * @below: the damaged store. It must read any multiple of 512 bytes.
 * @lost_end: what lies between the end of @below and this byte is lost; what
 *	lies after it reads as zeros
 * @replay: what the log changes, or NULL
 * @plate: the plates, the first @plates of them
 * @plates: number of plates
 * @bat_start: byte offset of the BAT in the file; 0 while it is not known
 * @bat_end: byte offset of its end
 * @revise: changes entries of a page of the BAT, or NULL; does not sleep. The
 *	page holds the entries from @index on.
 * @context: for @revise
 */
struct vhdx_mend {
	struct vhdx_store store;
	struct vhdx_store *below;
	u64 lost_end;
	const struct vhdx_replay *replay;
	struct vhdx_plate plate[VHDX_MEND_PLATES];
	u32 plates;
	u64 bat_start;
	u64 bat_end;
	void (*revise)(void *context, u64 index, __le64 *entries, u32 count);
	void *context;
};

void vhdx_mend_init(struct vhdx_mend *mend, struct vhdx_store *below);
void vhdx_mend_exit(struct vhdx_mend *mend);
void vhdx_mend_put(struct vhdx_mend *mend, u64 pos, void *data, u32 length);
u64 vhdx_mend_clip(const struct vhdx_mend *mend, u64 pos, u64 len, u32 unit,
		   bool *lost);

/* A state that the format reserves. */
#define VHDX_BLOCK_LOST		4ULL
#define VHDX_LOST_SHIFT		3
static_assert(VHDX_LOSTS << VHDX_LOST_SHIFT < 1 << VHDX_ALIGN_SHIFT);

/**
 * vhdx_lost_entry() - a BAT entry that is lost
 * @lost: the reason
 *
 * Return: the entry, which every reader refuses.
 */
static inline u64 vhdx_lost_entry(enum vhdx_lost lost)
{
	return VHDX_BLOCK_LOST | (u64)lost << VHDX_LOST_SHIFT;
}

/**
 * vhdx_lost_reason() - why an entry is lost
 * @entry: an entry whose state is reserved
 *
 * Return: the reason; VHDX_LOST_STATE if the image itself has such an entry.
 */
static inline enum vhdx_lost vhdx_lost_reason(u64 entry)
{
	u64 lost = entry >> VHDX_LOST_SHIFT;

	return vhdx_lost_entry(lost) == entry && lost && lost < VHDX_LOSTS ?
		       (enum vhdx_lost)lost : VHDX_LOST_STATE;
}

#endif /* VHDX_MEND_H */
