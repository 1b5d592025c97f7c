// SPDX-License-Identifier: GPL-2.0-only
#include <assert.h>

#include "intl.h"
#include "verbs.h"

#define MEMBER(_kind, member) \
	.kind = _kind, .offset = offsetof(struct options, member)
#define FLAG(member)	MEMBER(OPTION_FLAG, member)
#define SIZE(member)	MEMBER(OPTION_SIZE, member)
#define OWN		.kind = OPTION_OWN, .offset = 0

const struct option_spec option_specs[] = {
	[OPT_READONLY] = { "readonly", 'r', NULL, FLAG(readonly),
		N_("make a read-only device, or serve one; the image is not changed") },
	[OPT_PARTITIONS] = { "partitions", 'p', NULL, FLAG(partitions),
		N_("map the partitions too, as NAMEp1, NAMEp2 ...") },
	[OPT_PARENT] = { "parent", 0, "PATH", OWN,
		N_("the parent, in place of the one an image names; again for its parent") },
	[OPT_PARENTS_ANYWHERE] = { "parents-anywhere", 0, NULL,
		FLAG(parents_anywhere),
		N_("look for parents outside of the image's directory, too") },
	[OPT_NO_PARENTS] = { "no-parents", 0, NULL, FLAG(no_parents),
		N_("look for no parents; a differencing image cannot be opened") },
	[OPT_IGNORE_ID] = { "ignore-id-mismatch", 0, NULL, FLAG(ignore_id),
		N_("take a parent that has changed since the child was made") },
	[OPT_BAT_CACHE] = { "bat-cache", 0, "KiB", OWN,
		N_("memory for the block table of each image, 64 KiB or more") },
	[OPT_BUFFERED] = { "buffered", 0, NULL, FLAG(buffered),
		N_("use the page cache for the file, without direct I/O") },
	[OPT_NO_SPACE_TIMEOUT] = { "no-space-timeout", 0, "SECONDS", OWN,
		N_("how long a write waits for room below, then it fails; 0: for ever") },
	[OPT_PRIVATE] = { "private", 0, NULL, FLAG(private),
		N_("keep the rules of udev off: for the disk of a stranger") },
	[OPT_NO_DISCARD] = { "no-discard", 0, NULL, FLAG(no_discard),
		N_("let discards and zeroes give no space back") },
	[OPT_DISCARD_GRANULARITY] = {
		"discard-granularity", 0, "BYTES", OWN,
		N_("give space back in pieces of so much: 4K to 256M, a power of two") },
	[OPT_DEFERRED] = { "deferred", 0, NULL, FLAG(deferred),
		N_("if the device is in use, remove it when its last user is gone") },
	[OPT_WAIT] = { "wait", 0, "SECONDS", OWN,
		N_("how long those who use the device are waited for") },
	[OPT_CHAIN] = { "chain", 0, NULL, FLAG(chain),
		N_("go through the parents too") },
	[OPT_OUTPUT] = { "output", 'o', "COLUMNS", OWN,
		N_("of NAME,PATH,DEVICE,UUID,SIZE,MODE,RO,SUSPENDED,OPEN,FAULT,IMAGE,PARENTS") },
	[OPT_NO_HEADINGS] = { "noheadings", 'n', NULL, FLAG(no_headings),
		N_("leave out the names of the columns") },
	[OPT_PICTURE] = { "picture", 0, NULL, FLAG(picture),
		N_("draw the disk, a cell for every so many blocks") },
	[OPT_SECTORS] = { "sectors", 0, NULL, FLAG(sectors),
		N_("show runs of sectors in place of blocks") },
	[OPT_ROWS] = { "rows", 0, "N", OWN,
		N_("end after so many rows; 0: print all") },
	[OPT_SIZE] = { "size", 's', "BYTES", SIZE(size),
		N_("size of the disk; K, M, G and T are powers of 1024: 300M") },
	[OPT_BLOCK_SIZE] = { "block-size", 0, "BYTES", SIZE(block_size),
		N_("what space is given out by: 1M to 256M; 2M, or 32M with --fixed") },
	[OPT_SECTOR_SIZE] = { "sector-size", 0, "BYTES", SIZE(sector_size),
		N_("logical sector size of the disk: 512, which is the default, or 4096") },
	[OPT_PHYSICAL_SECTOR_SIZE] = {
		"physical-sector-size", 0, "BYTES", SIZE(physical_sector_size),
		N_("physical sector size of the disk: 512 or 4096, which is the default") },
	[OPT_ABSOLUTE_PATH] = { "absolute-path", 0, "PATH", OWN,
		N_("where Windows finds the parent, as in C:\\vm\\base.vhdx") },
	[OPT_VOLUME_PATH] = { "volume-path", 0, "PATH", OWN,
		N_("the same by the GUID of the volume: \\\\?\\Volume{GUID}\\base.vhdx") },
	[OPT_LOG_SIZE] = { "log-size", 0, "BYTES", SIZE(log_size),
		N_("size of the image's log, 1M without this option") },
	[OPT_FIXED] = { "fixed", 0, NULL, FLAG(fixed),
		N_("make a fixed disk: all blocks have their space, and keep it") },
	[OPT_PREALLOCATE] = { "preallocate", 0, NULL, FLAG(preallocate),
		N_("give all blocks their space; what is discarded is given back") },
	[OPT_DRY_RUN] = { "dry-run", 'n', NULL, FLAG(dry_run),
		N_("say what would be gained, and change nothing") },
	[OPT_ZEROS] = { "zeros", 0, NULL, FLAG(zeros),
		N_("read all blocks, and give back those that hold nothing but zeros") },
	[OPT_FILESYSTEM] = { "filesystem", 0, NULL, FLAG(filesystem),
		N_("mount the file systems inside, and give back what they do not use") },
	[OPT_NO_SPARSE] = { "no-sparse", 0, NULL, FLAG(no_sparse),
		N_("leave no holes in the file: Windows refuses sparse ones") },
	[OPT_FORCE] = { "force", 0, NULL, FLAG(force),
	N_("overwrite the device or copy; orphan children; resize --shrink: cut data off") },
	[OPT_REPAIR] = { "repair", 0, NULL, FLAG(repair),
		N_("first mend what can be mended without guessing") },
	[OPT_CLEAR_LOG] = { "clear-log", 0, NULL, FLAG(clear_log),
		N_("with --repair: give up a log that cannot be replayed") },
	[OPT_EXTEND] = { "extend", 0, NULL, FLAG(extend),
		N_("with --repair: extend a file that was cut short, by zeros") },
	[OPT_YES] = { "yes", 'y', NULL, FLAG(yes),
		N_("with --extend: do not ask") },
	[OPT_FORCE_SHARE] = { "force-share", 'U', NULL, FLAG(force_share),
		N_("look at an image that is in use, too") },
	[OPT_QUIESCE] = { "quiesce", 0, NULL, FLAG(quiesce),
		N_("let file systems on the device come to rest first") },
	[OPT_PROMETHEUS] = { "prometheus", 0, NULL, FLAG(prometheus),
		N_("print metrics for a textfile collector of Prometheus") },
	[OPT_ALL] = { "all", 'a', NULL, FLAG(all),
		N_("say all of it, and count its blocks") },
	[OPT_SINCE] = { "since", 0, "ANCESTOR", OWN,
		N_("against this image of the chain, in place of the parent") },
	[OPT_INTO] = { "into", 0, "ANCESTOR", OWN,
		N_("down to this image of the chain, in place of the parent") },
	[OPT_KEEP] = { "keep", 0, NULL, FLAG(keep),
		N_("leave an empty child, in place of removing the file") },
	[OPT_BACKGROUND] = { "background", 0, NULL, FLAG(background),
		N_("have the merge of a device go on after the command has ended") },
	[OPT_STOP] = { "stop", 0, NULL, FLAG(stop),
		N_("stop the merge of a device that is under way; another goes on with it") },
	[OPT_CHILD] = { "child", 0, "PATH", OWN,
		N_("a child of the image, which goes on over its parent; again for another") },
	[OPT_RATE] = { "rate", 0, "BYTES", SIZE(rate),
		N_("copy so much a second at most; K, M and G are powers of 1024: 50M") },
	[OPT_MAX_PAUSE] = { "max-pause", 0, "MS", OWN,
		N_("let a device wait at most so many milliseconds at the end: 500") },
	[OPT_COMPARE] = { "compare", 0, NULL, FLAG(compare),
		N_("read both, and leave out what reads as before") },
	[OPT_COPY] = { "copy", 0, NULL, FLAG(copy),
		N_("first copy what the new parent lacks, so that the disk stays as it is") },
	[OPT_RESET_ID] = { "reset-id", 0, NULL, FLAG(reset_id),
		N_("give the disk an identity of its own: it is a copy") },
	[OPT_MAP] = { "map", 0, "FILE", OWN,
		N_("write what was read and what is lost to FILE, as ddrescue does") },
	[OPT_RETRIES] = { "retries", 0, "N", OWN,
		N_("read a sector that gives an error N times more; 1 by default") },
	[OPT_NO_LOG] = { "no-log", 0, NULL, FLAG(no_log),
		N_("read the disk as it was before the changes in its log") },
	[OPT_METADATA_GET] = { "metadata-get", 0, "GUID", OWN,
		N_("print the bytes of a metadata item of the user's") },
	[OPT_METADATA_SET] = { "metadata-set", 0, "GUID=FILE", OWN,
		N_("give such an item the bytes of a file; again for others") },
	[OPT_METADATA_REMOVE] = { "metadata-remove", 0, "GUID", OWN,
		N_("remove such an item; again for others") },
	[OPT_FORMAT] = { "format", 'O', "FORMAT", OWN,
		N_("raw, vhdx, vpc (VHD), qcow2, vmdk or vdi, whatever the name says") },
	[OPT_SOURCE_FORMAT] = { "source-format", 'f', "FORMAT", OWN,
		N_("of the source, whatever its signature says") },
	[OPT_AZURE] = { "azure", 0, NULL, FLAG(azure),
		N_("make the fixed VHD of whole MiB that Azure takes") },
	[OPT_VERIFY] = { "verify", 0, NULL, FLAG(verify),
		N_("compare both disks before the file gets its name") },
	[OPT_SOCKET] = { "socket", 0, "PATH", OWN,
		N_("listen there, in place of a directory of its own in /tmp") },
	[OPT_SHRINK] = { "shrink", 0, NULL, FLAG(shrink),
		N_("make the disk smaller, behind what is needed of it") },
	[OPT_TO_MINIMUM] = { "to-minimum", 0, NULL, FLAG(to_minimum),
		N_("with --shrink: as small as can be") },
	[OPT_GROW_LAST] = { "grow-last", 0, NULL, FLAG(grow_last),
		N_("grow the last partition, too, and the file system in it") },
	[OPT_JSON] = { "json", 'j', NULL, FLAG(json),
		N_("print JSON") },
	[OPT_VERBOSE] = { "verbose", 'v', NULL, OWN,
		N_("say more") },
	[OPT_DEBUG] = { "debug", 0, NULL, OWN,
		N_("say what is opened, run and asked of the kernel, too") },
	[OPT_QUIET] = { "quiet", 'q', NULL, OWN,
		N_("say errors only") },
	[OPT_HELP] = { "help", 'h', NULL, OWN,
		N_("show this help") },
	[OPT_VERSION] = { "version", 'V', NULL, OWN,
		N_("show the version") },
};

const unsigned int option_count = ARRAY_SIZE(option_specs);
static_assert(ARRAY_SIZE(option_specs) <= OPTIONS_MAX,
	      "struct options has no place for all options");

/* The options of a verb. OPTIONS_OF_CHAIN() adds those that find parents. */
#define OPTIONS(...) \
	.options = (const enum option_id[]){ __VA_ARGS__ }, \
	.option_count = sizeof((enum option_id[]){ __VA_ARGS__ }) / \
			sizeof(enum option_id)
#define OPTIONS_OF_CHAIN(...) \
	OPTIONS(OPT_PARENT, OPT_PARENTS_ANYWHERE, OPT_IGNORE_ID, __VA_ARGS__)

const struct verb verbs[] = {
	{ "open", cmd_open, 1, 2, "IMAGE [NAME]",
	  N_("make the block device /dev/mapper/NAME of an image"),
	  OPTIONS_OF_CHAIN(OPT_READONLY, OPT_PARTITIONS, OPT_NO_PARENTS,
			   OPT_BAT_CACHE, OPT_BUFFERED, OPT_NO_SPACE_TIMEOUT,
			   OPT_PRIVATE, OPT_NO_DISCARD, OPT_DISCARD_GRANULARITY,
			   OPT_JSON) },
	{ "close", cmd_close, 1, 1, "NAME|IMAGE",
	  N_("remove the device, and its partitions"),
	  OPTIONS(OPT_DEFERRED, OPT_WAIT, OPT_JSON) },
	{ "status", cmd_status, 1, 1, "NAME|IMAGE",
	  N_("say what a device is and what it does"),
	  OPTIONS(OPT_JSON) },
	{ "list", cmd_list, 0, 0, "",
	  N_("list the devices made of VHDX images"),
	  OPTIONS(OPT_JSON, OPT_OUTPUT, OPT_NO_HEADINGS) },
	{ "stats", cmd_stats, 0, 1, "[NAME|IMAGE]",
	  N_("say what devices have counted"),
	  OPTIONS(OPT_JSON, OPT_PROMETHEUS) },
	{ "events", cmd_events, 0, 1, "[NAME|IMAGE]",
	  N_("say what happens to devices, as it happens"),
	  .options = NULL },
	{ "info", cmd_info, 1, 1, "IMAGE",
	  N_("say what an image is, and what it says of itself"),
	  OPTIONS_OF_CHAIN(OPT_ALL, OPT_JSON, OPT_CHAIN, OPT_NO_PARENTS) },
	{ "check", cmd_check, 1, INT_MAX, "IMAGE...",
	  N_("look for everything that is wrong with an image"),
	  OPTIONS_OF_CHAIN(OPT_JSON, OPT_CHAIN, OPT_NO_PARENTS, OPT_REPAIR,
			   OPT_CLEAR_LOG, OPT_EXTEND, OPT_YES, OPT_FORCE_SHARE) },
	{ "compact", cmd_compact, 1, 1, "NAME|IMAGE",
	  N_("make the file of an image as short as can be, also in use"),
	  OPTIONS(OPT_JSON, OPT_DRY_RUN, OPT_ZEROS, OPT_FILESYSTEM,
		  OPT_PARENT, OPT_PARENTS_ANYWHERE, OPT_FORCE, OPT_NO_SPARSE,
		  OPT_RATE) },
	{ "replay", cmd_replay, 1, 1, "IMAGE",
	  N_("put in place what the log holds, as opening for writing does"),
	  OPTIONS(OPT_JSON) },
	{ "create", cmd_create, 1, 1, "FILE",
	  N_("make a new image"),
	  OPTIONS(OPT_PARENT, OPT_PARENTS_ANYWHERE, OPT_ABSOLUTE_PATH,
		  OPT_VOLUME_PATH, OPT_SIZE, OPT_BLOCK_SIZE, OPT_SECTOR_SIZE,
		  OPT_PHYSICAL_SECTOR_SIZE, OPT_LOG_SIZE, OPT_FIXED,
		  OPT_PREALLOCATE, OPT_NO_SPARSE, OPT_FORCE, OPT_JSON) },
	{ "rebase", cmd_rebase, 1, 1, "IMAGE",
	  N_("let a child name its parent by another path, or another parent"),
	  OPTIONS_OF_CHAIN(OPT_COPY, OPT_FORCE, OPT_ABSOLUTE_PATH,
			   OPT_VOLUME_PATH, OPT_JSON) },
	{ "snapshot", cmd_snapshot, 2, 2, "NAME CHILD",
	  N_("have a device go on in a new child of its image"),
	  OPTIONS(OPT_QUIESCE, OPT_PARENT) },
	{ "map", cmd_map, 1, 1, "IMAGE",
	  N_("show where the blocks of the disk lie"),
	  OPTIONS_OF_CHAIN(OPT_JSON, OPT_PICTURE, OPT_SECTORS, OPT_ROWS,
			   OPT_NO_PARENTS) },
	{ "diff", cmd_diff, 1, 1, "CHILD",
	  N_("list what an image changes against its parent"),
	  OPTIONS_OF_CHAIN(OPT_JSON, OPT_SINCE, OPT_COMPARE, OPT_ROWS,
			   OPT_FORCE_SHARE) },
	{ "merge", cmd_merge, 1, 1, "NAME|CHILD",
	  N_("put what an image changes into its parent, and remove it"),
	  OPTIONS(OPT_JSON, OPT_INTO, OPT_CHILD, OPT_KEEP, OPT_BACKGROUND,
		  OPT_STOP, OPT_RATE, OPT_MAX_PAUSE, OPT_FORCE, OPT_PARENT,
		  OPT_PARENTS_ANYWHERE) },
	{ "compare", cmd_compare, 2, 2, "IMAGE IMAGE",
	  N_("find the first byte in which two disks differ"),
	  OPTIONS(OPT_JSON, OPT_PARENTS_ANYWHERE, OPT_IGNORE_ID,
		  OPT_FORCE_SHARE) },
	{ "convert", cmd_convert, 2, 2, "SOURCE DEST",
	  N_("make a VHDX of an image of another format, or the reverse"),
	  OPTIONS_OF_CHAIN(OPT_FORMAT, OPT_SOURCE_FORMAT, OPT_BLOCK_SIZE,
			   OPT_SECTOR_SIZE, OPT_PHYSICAL_SECTOR_SIZE, OPT_FIXED,
			   OPT_NO_SPARSE, OPT_AZURE, OPT_VERIFY, OPT_FORCE,
			   OPT_JSON) },
	{ "serve", cmd_serve, 1, 1, "IMAGE",
	  N_("serve the disk of an image over NBD, without the module"),
	  OPTIONS_OF_CHAIN(OPT_READONLY, OPT_SOCKET) },
	{ "resize", cmd_resize, 1, 2, "NAME|IMAGE [[+]SIZE]",
	  N_("make a disk larger, also of a device in use; or smaller"),
	  OPTIONS_OF_CHAIN(OPT_SHRINK, OPT_TO_MINIMUM, OPT_GROW_LAST,
			   OPT_JSON, OPT_FORCE) },
	{ "set", cmd_set, 1, 1, "IMAGE",
	  N_("change what an image says of its disk"),
	  OPTIONS(OPT_RESET_ID, OPT_PHYSICAL_SECTOR_SIZE, OPT_METADATA_GET,
		  OPT_METADATA_SET, OPT_METADATA_REMOVE, OPT_FORCE,
		  OPT_JSON) },
	{ "salvage", cmd_salvage, 2, 2, "IMAGE COPY",
	  N_("put what can be read of a damaged image into a new one"),
	  OPTIONS_OF_CHAIN(OPT_NO_PARENTS, OPT_NO_LOG, OPT_SIZE,
			   OPT_BLOCK_SIZE, OPT_SECTOR_SIZE, OPT_MAP,
			   OPT_RETRIES, OPT_ROWS, OPT_FORCE, OPT_JSON) },
	{ "completion", cmd_completion, 1, 1, "SHELL",
	  N_("print what has bash, zsh or fish complete the command line"),
	  .options = NULL },
};

const unsigned int verb_count = ARRAY_SIZE(verbs);

/**
 * verb_find() - find a verb by its name
 * @name: the word from the command line
 *
 * Return: the verb, or NULL.
 */
const struct verb *verb_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < verb_count; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/**
 * verb_takes() - test whether a verb takes an option
 * @verb: the verb
 * @id: the option
 *
 * Return: false also for an option that every verb takes.
 */
bool verb_takes(const struct verb *verb, enum option_id id)
{
	unsigned int i;

	for (i = 0; i < verb->option_count; i++)
		if (verb->options[i] == id)
			return true;
	return false;
}

/**
 * option_is_common() - test whether every verb takes an option
 * @id: the option
 *
 * Return: true if it does.
 */
bool option_is_common(enum option_id id)
{
	return id == OPT_VERBOSE || id == OPT_DEBUG || id == OPT_QUIET ||
	       id == OPT_HELP || id == OPT_VERSION;
}

static void option_help(FILE *out, const struct option_spec *spec)
{
	char letter[8] = "    ";
	char name[64];

	if (spec->letter)
		snprintf(letter, sizeof(letter), "-%c, ", spec->letter);
	snprintf(name, sizeof(name), "--%s%s%s", spec->name,
		 spec->arg ? " " : "", spec->arg ? spec->arg : "");
	fprintf(out, "  %s%-28s %s\n", letter, name, _(spec->text));
}

static void options_help(FILE *out, const struct verb *verb)
{
	unsigned int i;

	fprintf(out, _("\nOptions:\n"));
	for (i = 0; i < option_count; i++)
		if (option_is_common(i) || (verb && verb_takes(verb, i)))
			option_help(out, &option_specs[i]);
}

/**
 * verb_help() - print the help of a verb
 * @out: the output
 * @verb: the verb
 */
void verb_help(FILE *out, const struct verb *verb)
{
	fprintf(out, _("Usage: vhdxsetup %s [OPTION...]%s%s\n\n  %s\n"), verb->name,
		*verb->args ? " " : "", verb->args, _(verb->text));
	options_help(out, verb);
}

/**
 * general_help() - print the general help
 * @out: the output
 */
void general_help(FILE *out)
{
	unsigned int i;
	char usage[64];

	fprintf(out,
		_("Usage: vhdxsetup VERB [OPTION...] [ARGUMENT...]\n\n"
		  "Use VHDX disk images as block devices, through device-mapper.\n\n"
		  "Verbs:\n"));
	for (i = 0; i < verb_count; i++) {
		snprintf(usage, sizeof(usage), "%s %s", verbs[i].name,
			 verbs[i].args);
		fprintf(out, "  %-20s %s\n", usage, _(verbs[i].text));
	}
	options_help(out, NULL);
	fprintf(out,
		_("\n`vhdxsetup help VERB' has the options of a verb.\n"));
}
