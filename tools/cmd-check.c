// SPDX-License-Identifier: GPL-2.0-only
/*
 * check: find all faults of an image. Only --repair changes the image, and runs
 * before the check.
 *
 * A hostile image can have a finding for each block, so findings are printed
 * one by one, also in JSON, and not kept in memory.
 */
#include "console.h"
#include "document.h"
#include "exit-codes.h"
#include "family.h"
#include "findings.h"
#include "message.h"
#include "open-image.h"
#include "progress.h"
#include "repair-image.h"
#include "tree.h"

/* Report unowned bytes only if there are more than this. */
#define UNOWNED_MIN	(16 * VHDX_MIB)

/**
 * struct verdict - the result for one image
 * @counts: number of findings by severity, including its parents'
 * @dirty: the image's log must be replayed
 * @in_use: another program was writing the image
 * @alone: the image has parents, which were not checked
 * @in_parents: bytes of the disk that are in the parents, or zeros
 * @file_size: bytes of the file
 * @unowned: bytes of the file that belong to nothing
 * @family: the image and its relatives, with --chain
 * @reason: the first error, with its path
 */
struct verdict {
	u64 counts[VHDX_ERROR + 1];
	bool dirty;
	bool in_use;
	bool alone;
	u64 in_parents;
	u64 file_size;
	u64 unowned;
	struct family family;
	char reason[PATH_MAX + VHDX_SENTENCE_MAX];
};

/**
 * struct checker - a run of check
 * @progress: shown during the check
 * @options: of the command line
 * @now: result for the present image so far
 * @counts: number of findings of all images by severity
 * @code: exit code of the worst image
 * @failure: negative errno if that image could not be checked, or 0
 * @incomplete: the check of an image has ended early
 * @images: results of all images, for JSON
 */
struct checker {
	struct progress progress;
	const struct options *options;
	struct verdict now;
	u64 counts[VHDX_ERROR + 1];
	int code;
	int failure;
	bool incomplete;
	struct json_object *images;
};

/* Messages of an image are findings of the engine, whose severities they have. */
static enum vhdx_severity severity_of(const struct vhdx_message *finding)
{
	return (enum vhdx_severity)(finding->kind - VHDX_MESSAGE_INFO);
}

/* Keep the first error: it says why the image cannot be opened. */
static void note(struct verdict *now, const struct vhdx_message *finding)
{
	if (severity_of(finding) == VHDX_ERROR && !*now->reason)
		snprintf(now->reason, sizeof(now->reason), "%s", finding->raw);
}

static void print_json(const struct vhdx_message *finding)
{
	struct json_object *object = tree_new();

	tree_text(object, "image", finding->path);
	tree_text(object, "severity", severity_name(severity_of(finding)));
	tree_text(object, "structure", finding->structure);
	if (finding->index != VHDX_MESSAGE_NO_INDEX)
		tree_number(object, "index", finding->index);
	if (finding->count) {
		tree_number(object, "last_index", finding->last);
		tree_number(object, "count", finding->count);
	}
	tree_number(object, "offset", finding->offset);
	tree_text(object, "text", finding->text);
	document_element(object);
}

/* The severity goes between the path and the rest of the line. */
static void print_text(const struct vhdx_message *finding)
{
	enum vhdx_severity severity = severity_of(finding);

	if (severity == VHDX_INFO && !console_says(CONSOLE_NORMAL))
		return;
	msg_safe(stdout, finding->path);
	printf(": %s: ", severity_name(severity));
	msg_safe(stdout, finding->raw + strlen(finding->path) + 2);
	putchar('\n');
}

static void hear(void *context, const struct vhdx_message *message)
{
	struct checker *checker = context;
	u64 count = message->count ? message->count : 1;

	if (!message->structure) {
		findings_hear(NULL, message);
		return;
	}
	progress_end(&checker->progress);
	note(&checker->now, message);
	if (checker->options->json)
		print_json(message);
	else
		print_text(message);
	checker->counts[severity_of(message)] += count;
	checker->now.counts[severity_of(message)] += count;
}

static int check_layer(struct checker *checker, struct vhdx_disk *handle,
		       u32 layer)
{
	struct vhdx_check_result result = { .struct_size = sizeof(result) };
	int err = vhdx_disk_check(handle, layer, &result);

	if (err || layer)
		return err;
	checker->now.file_size = result.file_size;
	checker->now.unowned = result.unowned;
	checker->now.in_parents = result.absent;
	return 0;
}

/* Returns as the opening of the parents, whose errors are told of before. */
static int follow(struct checker *checker, struct vhdx_disk *handle)
{
	int err = vhdx_disk_open_parents(handle);
	int found = family_find(handle->disk, &checker->now.family);

	return err ? err : found;
}

static int check_disk(struct checker *checker, const char *path)
{
	const struct options *options = checker->options;
	struct vhdx_disk *handle;
	unsigned int traits;
	int err, worst = 0;
	u32 i;

	err = open_look(options, path, options->force_share ?
			OPEN_WHILE_WRITTEN : OPEN_IDLE, hear, checker, &handle);
	if (err)
		return err;
	vhdx_disk_on_progress(handle, progress_of_library, &checker->progress);
	traits = vhdx_disk_traits(handle);
	checker->now.dirty = traits & VHDX_TRAIT_LOG;
	checker->now.in_use = traits & VHDX_TRAIT_IN_USE;
	checker->now.alone = traits & VHDX_TRAIT_HAS_PARENT && !options->chain;
	/* If the chain is broken, check the images that can be opened. */
	if (options->chain)
		worst = follow(checker, handle);
	for (i = 0; i < vhdx_disk_depth(handle) && worst != -EINTR; i++) {
		err = check_layer(checker, handle, i);
		if (err)
			worst = err;
	}
	vhdx_disk_free(handle);
	return worst;
}

static int code_of(const u64 counts[VHDX_ERROR + 1])
{
	if (counts[VHDX_ERROR])
		return EXIT_CORRUPT;
	if (counts[VHDX_READONLY])
		return EXIT_READONLY;
	if (counts[VHDX_WARN])
		return EXIT_WARNINGS;
	return EXIT_OK;
}

static struct json_object *counts_tree(const u64 counts[VHDX_ERROR + 1])
{
	struct json_object *object = tree_new();
	unsigned int severity;

	for (severity = 0; severity <= VHDX_ERROR; severity++)
		tree_number(object, severity_name(severity), counts[severity]);
	return object;
}

static void print_count(u64 count, const char *what)
{
	printf("%llu %s%s", count, what, count == 1 ? "" : "s");
}

static void print_verdict(const struct verdict *now, int code)
{
	if (code != EXIT_OK) {
		print_count(now->counts[VHDX_ERROR], "error");
		printf(", %llu against writing, ", now->counts[VHDX_READONLY]);
		print_count(now->counts[VHDX_WARN], "warning");
	} else if (now->in_use) {
		printf("nothing wrong is seen while it is in use");
	} else {
		printf(now->dirty ? "sound; its log must be replayed" :
				    "clean");
	}
}

/* Print what the check did not cover. */
static void print_rest(const struct verdict *now)
{
	char size[32], file[32];

	if (now->alone)
		printf("; its parents, with up to %s of the disk, were not looked at (--chain)",
		       tree_size_words(now->in_parents, size, sizeof(size)));
	if (now->unowned >= UNOWNED_MIN)
		printf("; %s of its file of %s belong to no block",
		       tree_size_words(now->unowned, size, sizeof(size)),
		       tree_size_words(now->file_size, file, sizeof(file)));
}

/* After the verdict, and in place of one if there is none. */
static void print_family(const struct checker *checker)
{
	if (!checker->options->json && console_says(CONSOLE_NORMAL))
		family_draw(&checker->now.family);
}

static void print_summary(const struct checker *checker, const char *path,
			  int code)
{
	if (checker->options->json || !console_says(CONSOLE_NORMAL))
		return;
	msg_safe(stdout, path);
	printf(": ");
	print_verdict(&checker->now, code);
	print_rest(&checker->now);
	putchar('\n');
}

/* Print this after the check, which has the result. */
static void say_repaired(const char *path, bool mended, int code)
{
	if (code == EXIT_OK && !mended)
		msg_info("%s: there is nothing to repair", path);
	else if (code != EXIT_OK)
		msg_info("%s: %s cannot be repaired without guessing", path,
			 mended ? "the rest" : "what is wrong");
}

/* Return true if the first exit code is worse. */
static int worse(int a, int b)
{
	static const int mild[] = { EXIT_OK, EXIT_WARNINGS, EXIT_READONLY };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mild); i++) {
		if (a == mild[i])
			return b;
		if (b == mild[i])
			return a;
	}
	return b == EXIT_INTERRUPTED ? b : a;
}

/* An image that was not checked has no numbers. */
static struct json_object *verdict_tree(const struct verdict *now,
					const char *path, int code,
					struct json_object *error)
{
	struct json_object *object = tree_new();
	char *real = realpath(path, NULL);

	/*
	 * The path as in the findings; of a missing file, as the user gave it.
	 */
	tree_text(object, "image", real ? real : path);
	free(real);
	tree_number(object, "exit", (u64)code);
	tree_add(object, "counts", counts_tree(now->counts));
	if (now->family.count)
		tree_add(object, "relatives", family_tree(&now->family));
	if (error) {
		tree_add(object, "error", error);
		return object;
	}
	tree_flag(object, "log_must_be_replayed", now->dirty);
	tree_flag(object, "in_use", now->in_use);
	tree_flag(object, "parents_not_checked", now->alone);
	tree_number(object, "unowned_bytes", now->unowned);
	return object;
}

static void remember(struct checker *checker, const char *path, int code,
		     int err, bool decides)
{
	const char *reason = checker->now.reason;
	struct json_object *error = NULL;

	if (err)
		error = document_error(err, *reason ? reason : NULL);
	if (decides)
		document_fail(error);
	tree_append(checker->images,
		    verdict_tree(&checker->now, path, code, error));
}

/* Add the result for an image to that of the whole check. */
static void settle(struct checker *checker, const char *path, int code, int err)
{
	int worst = worse(checker->code, code);
	bool decides = worst != checker->code ||
		       (worst == code && !checker->failure);

	checker->code = worst;
	if (decides)
		checker->failure = err;
	checker->incomplete |= err != 0;
	if (checker->images)
		remember(checker, path, code, err, decides);
}

static void check_one(struct checker *checker, const char *path)
{
	const struct options *options = checker->options;
	bool mended = false;
	int err = 0, code;

	checker->now = (struct verdict){ 0 };
	if (options->repair)
		err = repair_image(options, path, &mended);
	if (!err) {
		progress_begin(&checker->progress, "check");
		err = check_disk(checker, path);
		progress_end(&checker->progress);
	}
	code = err ? exit_code(err) : code_of(checker->now.counts);
	if (err == -EINTR)
		msg_err("%s: interrupted: the check is not complete", path);
	if (err == -ETXTBSY && !options->repair)
		msg_err("%s: --force-share looks at it all the same", path);
	if (!err && options->repair)
		say_repaired(path, mended, code);
	if (!err)
		print_summary(checker, path, code);
	print_family(checker);
	settle(checker, path, code, err);
	family_free(&checker->now.family);
}

/* Check that the options fit together. */
static int suits(const struct options *options, char **args)
{
	if (options->clear_log && !options->repair) {
		msg_err("--clear-log goes with --repair");
		return -EINVAL;
	}
	if ((options->extend && !options->repair) ||
	    (options->yes && !options->extend)) {
		msg_err("--extend goes with --repair, and --yes with --extend");
		return -EINVAL;
	}
	if (options->force_share && options->repair) {
		msg_err("--force-share does not go with --repair: nobody else may use what is repaired");
		return -EINVAL;
	}
	if (parents_suit(options, options->chain))
		return -EINVAL;
	if (options->parent_count && args[1]) {
		msg_err("--parent %s: goes with one image, not with %s as well",
			options->parents[0], args[1]);
		return -EINVAL;
	}
	return 0;
}

static void print_end(struct checker *checker)
{
	document_list_end(!checker->incomplete);
	document_put("images", checker->images);
	document_put("counts", counts_tree(checker->counts));
}

/**
 * cmd_check() - the verb `check`
 * @options: of the command line
 * @args: the images
 *
 * Return: the exit code of the worst finding, or the negative errno of an image
 * that could not be checked, whichever is worse; among equals, the first.
 */
int cmd_check(const struct options *options, char **args)
{
	struct checker checker = { .options = options };
	int err;

	err = suits(options, args);
	if (err)
		return err;
	if (options->json) {
		checker.images = tree_list();
		document_list("findings");
	}
	for (; *args && checker.code != EXIT_INTERRUPTED; args++)
		check_one(&checker, *args);
	if (options->json)
		print_end(&checker);
	return checker.failure ? checker.failure : checker.code;
}
