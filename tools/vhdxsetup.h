/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The options of vhdxsetup, and the functions of its verbs.
 *
 * Each cmd_*() takes the options and the verb's arguments, whose number the
 * caller has checked, and returns an exit code, or a negative errno after a
 * message.
 */
#ifndef VHDXSETUP_H
#define VHDXSETUP_H

#include "chain.h"
#include "version.h"

#define VHDXSETUP_VERSION	LIBVHDX_VERSION

/* More than anybody names one by one. */
#define CHILDREN_MAX		256U

/*
 * The target's version that this program needs; a later minor version will do.
 */
#define TARGET_MAJOR		1
#define TARGET_MINOR		1

/* Larger than the number of options. */
#define OPTIONS_MAX	128

/* As many metadata items as one command line changes. */
#define METADATA_CHANGES_MAX	32

/**
 * struct metadata_change - an item of the user's to set or remove
 * @text: GUID=FILE, or the GUID
 * @removes: remove it
 */
struct metadata_change {
	const char *text;
	bool removes;
};

/**
 * struct options - the parsed options
 * @given: the options that were there, by enum option_id
 * @json: print JSON
 * @readonly: open, serve: make the device read-only
 * @partitions: open: map the partitions as well
 * @buffered: open: have the module read files without direct I/O
 * @ignore_id: accept a parent that has changed
 * @parents_anywhere: follow locators out of the child's directory
 * @no_parents: do not look for parents
 * @deferred: close: remove the device with its last close
 * @wait: close: seconds that users are waited for
 * @chain: check, info: include all images of the chain
 * @no_headings: list: print no headings
 * @output: list: names of the columns, NULL for the usual ones
 * @sectors: map: print runs of sectors in place of blocks
 * @rows: map, diff, salvage: limit of the rows to print; 0 for none
 * @picture: map: draw a picture
 * @no_space_timeout: open: seconds that a write may wait for room, 0 for ever
 * @private: open: keep udev's rules off the device
 * @no_discard: open: make a device without discards
 * @discard_granularity: open: discard granularity in bytes, 0 for the kernel's
 *	choice
 * @bat_cache: open: KiB of memory for each image's metadata; 0 for the default
 * @fixed: create: make a fixed disk
 * @preallocate: create: allocate all blocks
 * @dry_run: compact: change nothing
 * @zeros: compact: free blocks of zeros
 * @filesystem: compact: free what file systems inside do not use
 * @no_sparse: create, compact: make a file without holes
 * @force: create: overwrite a block device; compact, merge, resize: orphan
 *	children; resize: cut data off that nothing which is known needs
 * @repair: check: repair what needs no guess
 * @clear_log: check: clear a log that has nothing valid
 * @extend: check: extend a file that was cut short
 * @yes: check: extend it without a question
 * @force_share: check, diff, compare: read an image that is in use
 * @keep: merge: leave an empty child
 * @background: merge: go on in a process of its own
 * @stop: merge: stop the one that is under way
 * @rate: compact, merge: bytes a second at most, 0 for no limit
 * @max_pause: merge: milliseconds that a device may be paused
 * @into: merge: the ancestor, NULL for the parent
 * @compare: diff: omit what reads as before
 * @copy: rebase: copy, so that the disk reads as before
 * @reset_id: set: give the disk another identity
 * @map: salvage: file for a map of what was read, NULL for none
 * @retries: salvage: number of further reads of a bad sector
 * @no_log: salvage: leave out what the log changes
 * @metadata_get: set: GUID of the item to print, or NULL
 * @metadata_changes: set: items to set or remove
 * @metadata_change_count: how many
 * @format: convert: the name of the format that is wanted; NULL to choose one
 * @source_format: convert: the same of the source
 * @azure: convert: what Azure takes
 * @verify: convert: compare afterwards
 * @socket: serve: path of the socket; NULL to choose one
 * @shrink: resize: make the disk smaller
 * @to_minimum: resize: make it as small as its contents allow
 * @grow_last: resize: grow the last partition and its file system, too
 * @since: diff: the ancestor, NULL for the parent
 * @prometheus: stats: as its textfile collector takes it
 * @quiesce: snapshot: freeze file systems first
 * @all: info: print all properties, and a census of the blocks
 * @size: create: bytes of the virtual disk
 * @block_size: create: bytes; 0 for the default, as below
 * @sector_size: create: bytes of a logical sector
 * @physical_sector_size: create, set: bytes
 * @log_size: create: bytes
 * @absolute_path: value of absolute_win32_path in a locator; NULL for none
 * @volume_path: value of volume_path in a locator; NULL for none
 * @parents: paths of parents, the child's first
 * @parent_count: number of @parents
 * @children: merge: paths of children that go on over the parent
 * @child_count: how many
 */
struct options {
	bool given[OPTIONS_MAX];
	bool json;
	bool readonly;
	bool partitions;
	bool buffered;
	bool ignore_id;
	bool parents_anywhere;
	bool no_parents;
	bool deferred;
	unsigned long wait;
	bool chain;
	bool no_headings;
	bool sectors;
	unsigned long rows;
	bool picture;
	bool fixed;
	bool preallocate;
	bool dry_run;
	bool zeros;
	bool filesystem;
	bool no_sparse;
	bool force;
	bool repair;
	bool clear_log;
	bool extend;
	bool yes;
	bool force_share;
	bool keep;
	bool background;
	bool stop;
	u64 rate;
	unsigned long max_pause;
	const char *into;
	bool compare;
	bool copy;
	bool reset_id;
	const char *map;
	unsigned long retries;
	bool no_log;
	const char *metadata_get;
	struct metadata_change metadata_changes[METADATA_CHANGES_MAX];
	unsigned int metadata_change_count;
	const char *format;
	const char *source_format;
	bool azure;
	bool verify;
	const char *socket;
	bool shrink;
	bool to_minimum;
	bool grow_last;
	const char *since;
	bool prometheus;
	bool quiesce;
	bool all;
	u64 size;
	u64 block_size;
	u64 sector_size;
	u64 physical_sector_size;
	u64 log_size;
	const char *absolute_path;
	const char *volume_path;
	const char *output;
	unsigned long bat_cache;
	unsigned long no_space_timeout;
	bool private;
	bool no_discard;
	u64 discard_granularity;
	const char *parents[VHDX_CHAIN_MAX];
	unsigned int parent_count;
	const char *children[CHILDREN_MAX];
	unsigned int child_count;
};

int cmd_open(const struct options *options, char **args);
int cmd_close(const struct options *options, char **args);
int cmd_status(const struct options *options, char **args);
int cmd_list(const struct options *options, char **args);
int cmd_info(const struct options *options, char **args);
int cmd_check(const struct options *options, char **args);
int cmd_map(const struct options *options, char **args);
int cmd_replay(const struct options *options, char **args);
int cmd_resize(const struct options *options, char **args);
int cmd_compact(const struct options *options, char **args);
int cmd_set(const struct options *options, char **args);
int cmd_diff(const struct options *options, char **args);
int cmd_merge(const struct options *options, char **args);
int cmd_convert(const struct options *options, char **args);
int cmd_serve(const struct options *options, char **args);
int cmd_compare(const struct options *options, char **args);
int cmd_create(const struct options *options, char **args);
int cmd_rebase(const struct options *options, char **args);
int cmd_salvage(const struct options *options, char **args);
int cmd_completion(const struct options *options, char **args);
int cmd_stats(const struct options *options, char **args);
int cmd_events(const struct options *options, char **args);
int cmd_snapshot(const struct options *options, char **args);

#endif /* VHDXSETUP_H */
