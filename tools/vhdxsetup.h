/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the verbs of vhdxsetup share: the options, and each verb's entry.
 *
 * Each cmd_*() takes the options and the verb's arguments, whose number has
 * been checked, and returns an exit code or a negative errno after a message.
 */
#ifndef VHDXSETUP_H
#define VHDXSETUP_H

#include "chain.h"

#define VHDXSETUP_VERSION	"0.1.0"

/* More than anybody names one by one. */
#define CHILDREN_MAX		256U

/* The target's version that this program talks to; a later minor one does. */
#define TARGET_MAJOR		1
#define TARGET_MINOR		1

/* More than there are. */
#define OPTIONS_MAX	128

/**
 * struct options - what the command line asked for
 * @given: the options that were there, by enum option_id
 * @json: print JSON
 * @readonly: open: make the device read-only
 * @partitions: open: map the partitions as well
 * @buffered: open: have the module read files without direct I/O
 * @ignore_id: take a parent that changed
 * @parents_anywhere: look for parents wherever the image says that they are
 * @no_parents: look for none
 * @deferred: close: remove when the last user is gone
 * @wait: close: seconds that users are waited for
 * @chain: check, info: all images of the chain
 * @no_headings: list: leave out the names of the columns
 * @output: list: names of the columns, NULL for the usual ones
 * @sectors: map: runs of sectors in place of blocks
 * @rows: map, diff: print no more than so many; 0 for no limit
 * @picture: map: draw
 * @no_space_timeout: open: seconds that a write may wait for room, 0 for ever
 * @private: open: udev's rules are kept off the device
 * @no_discard: open: the device takes no discards
 * @discard_granularity: open: bytes that lose their space together, 0 for the
 *	kernel's own
 * @bat_cache: open: KiB of memory for each image's metadata; 0 for the default
 * @fixed: create: a fixed disk
 * @preallocate: create: give all blocks space
 * @no_sparse: create: leave no holes in the file
 * @force: create: overwrite a block device; merge, resize: orphan children
 * @repair: check: mend what can be mended without guessing
 * @clear_log: check: and forget a log that holds nothing valid
 * @force_share: check, diff, compare: look at an image that is in use, too
 * @keep: merge: leave an empty child
 * @into: merge: the ancestor, NULL for the parent
 * @compare: diff: leave out what reads as before
 * @copy: rebase: the disk reads as before
 * @reset_id: set: the disk gets another identity
 * @since: diff: the ancestor, NULL for the parent
 * @prometheus: stats: as its textfile collector takes it
 * @quiesce: snapshot: file systems come to rest first
 * @all: info: all that the image says, and a census of its blocks
 * @size: create: bytes of the virtual disk
 * @block_size: create: bytes; 0 for the default, as below
 * @sector_size: create: bytes of a logical sector
 * @physical_sector_size: create, set: bytes
 * @log_size: create: bytes
 * @absolute_path: of a new parent, as Windows names it; NULL for none
 * @volume_path: the same, by its volume
 * @parents: paths of parents, the child's first
 * @parent_count: how many
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
	bool no_sparse;
	bool force;
	bool repair;
	bool clear_log;
	bool force_share;
	bool keep;
	const char *into;
	bool compare;
	bool copy;
	bool reset_id;
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
int cmd_set(const struct options *options, char **args);
int cmd_diff(const struct options *options, char **args);
int cmd_merge(const struct options *options, char **args);
int cmd_compare(const struct options *options, char **args);
int cmd_create(const struct options *options, char **args);
int cmd_rebase(const struct options *options, char **args);
int cmd_completion(const struct options *options, char **args);
int cmd_stats(const struct options *options, char **args);
int cmd_events(const struct options *options, char **args);
int cmd_snapshot(const struct options *options, char **args);

#endif /* VHDXSETUP_H */
