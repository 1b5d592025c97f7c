/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libvhdx: look into VHDX images, and make new ones.
 *
 *	struct vhdx_disk *disk = vhdx_disk_new();
 *
 *	if (!disk || vhdx_disk_open(disk, "disk.vhdx") ||
 *	    vhdx_disk_open_parents(disk) ||
 *	    vhdx_disk_read(disk, buffer, sizeof(buffer), 0))
 *		fprintf(stderr, "%s\n", disk ? vhdx_disk_error(disk) :
 *					       "out of memory");
 *	vhdx_disk_free(disk);
 *
 * Build with `pkg-config --cflags --libs libvhdx`. Documentation/libvhdx.rst has
 * an example.
 *
 * Errors: a function that returns an int returns 0, or a negative errno. For a
 * handle vhdx_disk_error() then says in a sentence what failed, where, and what
 * helps. Errnos with a meaning of their own:
 *	-EMEDIUMTYPE	the file is no VHDX
 *	-EUCLEAN	the image is damaged
 *	-EOPNOTSUPP	it needs a feature that this library lacks
 *	-ETXTBSY	somebody writes it
 *	-ENOLINK	a parent is missing
 *	-ESTALE		a parent has changed, or is another image
 *	-ELOOP		the parents form a circle, or are too many
 *	-EBADFD		the handle is not open, or is open already; or its parents
 *			are not; or a callback uses its own handle, see below
 * The library prints nothing, ends nothing and installs no signal handler. Its
 * sentences are English, or those of a catalogue that the program has bound to the
 * domain "dm-vhdx".
 *
 * Threads: a handle is for one thread at a time; several threads may each use a
 * handle of their own at once, also of the same image. There is no state besides
 * handles. Callbacks run in the thread that called, during that call. They may
 * use other handles. A vhdx_visit_t may also read, map and compare by the handle
 * that it is called for; other callbacks may use only those of its functions that
 * return no errno. None may free it.
 *
 * Locks: an open image is locked against writers, as QEMU and vhdxsetup respect
 * them, until vhdx_disk_free(). A process that forks must not use a handle on
 * both sides.
 *
 * ABI: handles are opaque. The library makes the structures that callbacks get,
 * so that later versions may append members. A structure that the caller makes
 * begins with its own size.
 *
 * handle.c APIs:
 *   vhdx_version()		the version of the library
 *   vhdx_disk_new()		make a handle
 *   vhdx_disk_free()		close the images, and free the handle
 *   vhdx_disk_error()		say what failed
 *   vhdx_disk_on_message()	set what hears messages
 *   vhdx_disk_on_progress()	set what hears of progress, and may stop long work
 * handle-open.c APIs:
 *   vhdx_disk_set_flags()	choose how images are opened
 *   vhdx_disk_add_parent()	name a parent
 *   vhdx_disk_open()		open an image, without its parents
 *   vhdx_disk_open_parents()	open these as well
 * handle-facts.c APIs:
 *   vhdx_disk_size(), vhdx_disk_sector_size(),
 *   vhdx_disk_physical_sector_size(), vhdx_disk_block_size(),
 *   vhdx_disk_id(), vhdx_disk_traits()	what the disk is
 *   vhdx_disk_depth()		how many images are open
 *   vhdx_disk_path()		where one of them lies
 *   vhdx_extent_words()	what the state of an extent is called
 * handle-read.c APIs:
 *   vhdx_disk_read()		read bytes of the disk
 *   vhdx_disk_map()		visit extents: data, zeros, and where they are
 * handle-diff.c APIs:
 *   vhdx_disk_diff()		visit what images change against their parent
 *   vhdx_disk_compare()	visit what reads otherwise on another disk
 * handle-check.c APIs:
 *   vhdx_disk_check()		look for all that is wrong with an image
 * handle-create.c APIs:
 *   vhdx_disk_create()		make a new image
 */
#ifndef LIBVHDX_VHDX_H
#define LIBVHDX_VHDX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A disk: an image and its parents. */
struct vhdx_disk;

/**
 * enum vhdx_message_kind - what a message is
 * @VHDX_MESSAGE_DETAIL: what a developer wants to know of a step
 * @VHDX_MESSAGE_STEP: a step on the way, for who looks for an error
 * @VHDX_MESSAGE_INFO: nothing is wrong
 * @VHDX_MESSAGE_WARNING: the image violates the format, which can be ignored
 * @VHDX_MESSAGE_READONLY: the image reads correctly, but is not safe to write
 * @VHDX_MESSAGE_ERROR: an error; a call fails, or a part of the image
 */
enum vhdx_message_kind {
	VHDX_MESSAGE_DETAIL,
	VHDX_MESSAGE_STEP,
	VHDX_MESSAGE_INFO,
	VHDX_MESSAGE_WARNING,
	VHDX_MESSAGE_READONLY,
	VHDX_MESSAGE_ERROR,
};

#define VHDX_MESSAGE_NO_INDEX	UINT64_MAX

/**
 * struct vhdx_message - one message; valid during the callback
 * @kind: enum vhdx_message_kind
 * @sentence: one line that can be printed: what might control a terminal is
 *	escaped
 * @raw: the same as it is, for JSON, say, which has its own escapes
 * @path: the image, as it is; NULL if the message is of no structure of an image
 * @structure: the structure, as the specification calls it, such as "BAT entry";
 *	or NULL
 * @index: its index, or VHDX_MESSAGE_NO_INDEX
 * @last: index of the last one if several have the same fault; else 0
 * @count: number of these; else 0
 * @offset: byte offset in the file
 * @text: what is wrong with the structure; NULL without one
 */
struct vhdx_message {
	unsigned int kind;
	const char *sentence;
	const char *raw;
	const char *path;
	const char *structure;
	uint64_t index;
	uint64_t last;
	uint64_t count;
	uint64_t offset;
	const char *text;
};

/**
 * enum vhdx_extent_kind - how a range of the disk reads
 * @VHDX_EXTENT_DATA: there are bytes in an image
 * @VHDX_EXTENT_ZERO: zeros, without any
 * @VHDX_EXTENT_ABSENT: no image that is open decides; the parent does
 * @VHDX_EXTENT_FAULTY: it cannot be read
 */
enum vhdx_extent_kind {
	VHDX_EXTENT_DATA,
	VHDX_EXTENT_ZERO,
	VHDX_EXTENT_ABSENT,
	VHDX_EXTENT_FAULTY,
};

/**
 * struct vhdx_extent - a range of the disk; valid during the callback
 * @pos: byte offset on the disk
 * @length: bytes
 * @kind: enum vhdx_extent_kind
 * @state: of a block, as the format numbers them, 0 to 7; larger of a run of
 *	sectors: see vhdx_extent_words()
 * @layer: the image that decides, 0 for the child; not set by
 *	vhdx_disk_diff() and vhdx_disk_compare()
 * @offset: byte offset in the file of that image; of data, not set by those
 *	either
 */
struct vhdx_extent {
	uint64_t pos;
	uint64_t length;
	unsigned int kind;
	unsigned int state;
	uint32_t layer;
	uint64_t offset;
};

/* Returns 0 to go on; the function that called it returns all else. */
typedef int (*vhdx_visit_t)(void *context, const struct vhdx_extent *extent);
typedef int (*vhdx_progress_t)(void *context, uint64_t done, uint64_t total);
typedef void (*vhdx_hear_t)(void *context, const struct vhdx_message *message);

/* The library's version, such as "0.1.0". */
const char *vhdx_version(void);

/* Returns NULL without memory. */
struct vhdx_disk *vhdx_disk_new(void);

/* Accepts NULL. */
void vhdx_disk_free(struct vhdx_disk *disk);

/*
 * Returns what failed in the latest call that failed, as one line that can be
 * printed, until the next call with this handle. "" if nothing has.
 */
const char *vhdx_disk_error(const struct vhdx_disk *disk);

/* NULL for nobody, as at first. Errors are heard, too. */
void vhdx_disk_on_message(struct vhdx_disk *disk, vhdx_hear_t hear,
			  void *context);

/*
 * Called now and then during long work. What it returns other than 0 stops the
 * work, and the function returns that.
 */
void vhdx_disk_on_progress(struct vhdx_disk *disk, vhdx_progress_t step,
			   void *context);

/* Flags of vhdx_disk_set_flags(). */
/* Follow a stranger's path to a parent out of the directory of its child. */
#define VHDX_OPEN_PARENTS_ANYWHERE	0x1U
/* Take a parent that has changed since the child was made. */
#define VHDX_OPEN_IGNORE_ID		0x2U
/* Open an image that somebody writes: what is read may be neither old nor new. */
#define VHDX_OPEN_WHILE_WRITTEN		0x4U

/* Before vhdx_disk_open(). Returns -EINVAL for a flag that is unknown. */
int vhdx_disk_set_flags(struct vhdx_disk *disk, unsigned int flags);

/*
 * Before vhdx_disk_open(), or vhdx_disk_create() for the parents of the new
 * image. The first call names the parent of the image, the next one that of this
 * parent, and so on. The others are found by what their children say, but never
 * out of the directory of the child without VHDX_OPEN_PARENTS_ANYWHERE.
 */
int vhdx_disk_add_parent(struct vhdx_disk *disk, const char *path);

/*
 * Opens an image in a file or on a block device, for reading. Enough for
 * accessors, vhdx_disk_check() of layer 0 and vhdx_disk_map() in blocks. A log
 * that must be replayed is replayed in memory: nothing is written. After a
 * failure, the handle can be tried again.
 */
int vhdx_disk_open(struct vhdx_disk *disk, const char *path);

/* Opens the parents, if the image has any: all else needs this. */
int vhdx_disk_open_parents(struct vhdx_disk *disk);

/*
 * Of the image that vhdx_disk_open() has opened. Sizes are in bytes. Before that
 * they are 0, and texts NULL.
 */
uint64_t vhdx_disk_size(const struct vhdx_disk *disk);
uint32_t vhdx_disk_sector_size(const struct vhdx_disk *disk);
uint32_t vhdx_disk_physical_sector_size(const struct vhdx_disk *disk);
uint32_t vhdx_disk_block_size(const struct vhdx_disk *disk);

/* The virtual disk's identity, "8-4-4-4-12". */
const char *vhdx_disk_id(const struct vhdx_disk *disk);

#define VHDX_TRAIT_FIXED	0x1U	/* all blocks have their space for good */
#define VHDX_TRAIT_HAS_PARENT	0x2U	/* it is a differencing image */
#define VHDX_TRAIT_LOG		0x4U	/* its log must be replayed */
#define VHDX_TRAIT_IN_USE	0x8U	/* somebody wrote it as it was opened */
#define VHDX_TRAIT_DEVICE	0x10U	/* it lies on a block device */
unsigned int vhdx_disk_traits(const struct vhdx_disk *disk);

/* 1 after vhdx_disk_open(); with vhdx_disk_open_parents() all of the chain. */
uint32_t vhdx_disk_depth(const struct vhdx_disk *disk);

/* Layer 0 is the image, 1 its parent. The path is as it is, not escaped. */
const char *vhdx_disk_path(const struct vhdx_disk *disk, uint32_t layer);

/* A constant, such as "FULLY_PRESENT", or "data, in the log". */
const char *vhdx_extent_words(unsigned int state);

/*
 * Reads any bytes that end inside the disk, else it returns -EINVAL. What it
 * cannot read fails with -EUCLEAN if the image is damaged there, or with the
 * errno of the file system.
 */
int vhdx_disk_read(struct vhdx_disk *disk, void *buffer, size_t length,
		   uint64_t pos);

/* How vhdx_disk_map() cuts the disk. */
#define VHDX_MAP_BLOCKS		0U	/* no extent crosses a block's end */
#define VHDX_MAP_SECTORS	1U	/* runs of sectors, for reading */

/*
 * Visits the extents of a range in order. @pos and @length are whole sectors that
 * end inside the disk. Blocks that are faulty are extents of their own; messages
 * then say what is wrong, and it returns -EUCLEAN in the end.
 */
int vhdx_disk_map(struct vhdx_disk *disk, unsigned int unit, uint64_t pos,
		  uint64_t length, vhdx_visit_t visit, void *context);

/* Read both, and leave out what reads as before. */
#define VHDX_DIFF_COMPARE	0x1U

/*
 * Visits what the images above layer @since hold, in whole sectors, joined where
 * the kind stays: VHDX_EXTENT_DATA, VHDX_EXTENT_ZERO or VHDX_EXTENT_FAULTY.
 * @since is 1 for the parent, 2 for that one's. -EINVAL if there is none.
 */
int vhdx_disk_diff(struct vhdx_disk *disk, uint32_t since, unsigned int flags,
		   vhdx_visit_t visit, void *context);

/*
 * Visits the ranges in which two disks read otherwise, as VHDX_EXTENT_DATA, byte
 * by byte. Past its end a disk reads as zeros. The sentence of an error is with the
 * first handle, whose progress is called. Who listens to the other one hears what
 * is wrong with its images.
 */
int vhdx_disk_compare(struct vhdx_disk *disk, struct vhdx_disk *other,
		      vhdx_visit_t visit, void *context);

/**
 * struct vhdx_check_result - what vhdx_disk_check() found
 * @struct_size: set by the caller: bytes of this structure, of which the library
 *	sets no more
 * @errors: errors, blocks with the same one counted each, since the image was
 *	opened
 * @against_writing: what makes writing unsafe
 * @warnings: what else violates the format
 * @allocated: bytes of the file that blocks have
 * @absent: bytes of the disk that the image leaves to its parent, or to zeros
 * @unowned: bytes of the file that belong to nothing
 * @file_size: bytes of the file
 */
struct vhdx_check_result {
	size_t struct_size;
	uint64_t errors;
	uint64_t against_writing;
	uint64_t warnings;
	uint64_t allocated;
	uint64_t absent;
	uint64_t unowned;
	uint64_t file_size;
};

/*
 * Looks at each block of the image in @layer. Each fault is a message. Returns 0
 * for a damaged image, too: see @result.
 */
int vhdx_disk_check(struct vhdx_disk *disk, uint32_t layer,
		    struct vhdx_check_result *result);

#define VHDX_CREATE_FIXED		0x1U	/* a fixed disk */
#define VHDX_CREATE_PREALLOCATE		0x2U	/* give all blocks their space */
#define VHDX_CREATE_NO_HOLES		0x4U	/* Windows refuses sparse files */

/**
 * struct vhdx_creation - a new image; 0 is the usual value of each member
 * @struct_size: set by the caller: bytes of this structure
 * @flags: VHDX_CREATE_*
 * @size: bytes of the disk; as the parent's, if there is one
 * @block_size: bytes
 * @sector_size: bytes, 512 or 4096
 * @physical_sector_size: likewise
 * @log_size: bytes of the log
 * @reserved: 0
 */
struct vhdx_creation {
	size_t struct_size;
	uint32_t flags;
	uint32_t block_size;
	uint64_t size;
	uint32_t sector_size;
	uint32_t physical_sector_size;
	uint32_t log_size;
	uint32_t reserved;
};

/*
 * Makes an image in a new file, which must not exist, or leaves nothing. With
 * vhdx_disk_add_parent() it is a child. The handle stays closed, and
 * vhdx_disk_open() may follow. -E2BIG if the caller knows members that the
 * library does not, and has set them.
 */
int vhdx_disk_create(struct vhdx_disk *disk, const char *path,
		     const struct vhdx_creation *creation);

#ifdef __cplusplus
}
#endif

#endif /* LIBVHDX_VHDX_H */
