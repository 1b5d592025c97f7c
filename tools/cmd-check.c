// SPDX-License-Identifier: GPL-2.0-only
/*
 * check: look for everything that is wrong with an image, and change nothing,
 * unless a repair was asked for, which then goes first.
 *
 * A hostile image can have a finding for every one of its blocks, so findings
 * are printed as they come, in JSON too, and never kept.
 */
#include "check.h"
#include "exit-codes.h"
#include "findings.h"
#include "message.h"
#include "open-image.h"
#include "progress.h"
#include "repair-image.h"
#include "tree.h"

/**
 * struct checker - one run of check
 * @sink: hears the findings
 * @progress: shown meanwhile
 * @counts: findings by severity
 * @dirty: the image's log must be replayed
 * @json: print them as JSON
 */
struct checker {
	struct disk_sink sink;
	struct progress progress;
	u64 counts[VHDX_ERROR + 1];
	bool dirty;
	bool json;
};

static u64 finding_total(const struct checker *checker)
{
	u64 total = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(checker->counts); i++)
		total += checker->counts[i];
	return total;
}

static void print_json(const struct checker *checker, const char *path,
		       const struct vhdx_finding *finding)
{
	struct json_object *object = tree_new();

	tree_text(object, "image", path);
	tree_text(object, "severity", severity_name(finding->severity));
	tree_text(object, "structure", finding->at.name);
	if (finding->at.index != VHDX_NO_INDEX)
		tree_number(object, "index", finding->at.index);
	if (finding->at.count) {
		tree_number(object, "last_index", finding->at.last);
		tree_number(object, "count", finding->at.count);
	}
	tree_number(object, "offset", finding->at.offset);
	tree_text(object, "text", finding->text);
	if (finding_total(checker))
		puts(",");
	tree_print(object, true);
	tree_free(object);
}

static void print_text(const char *path, const struct vhdx_finding *finding)
{
	char sentence[VHDX_SENTENCE_MAX];

	if (finding->severity == VHDX_INFO && !msg_enabled(MSG_NORMAL))
		return;
	vhdx_sentence(finding, sentence, sizeof(sentence));
	msg_safe(stdout, path);
	printf(": %s: ", severity_name(finding->severity));
	msg_safe(stdout, sentence);
	putchar('\n');
}

static void hear(struct disk_sink *sink, const char *path,
		 const struct vhdx_finding *finding)
{
	struct checker *checker = container_of(sink, struct checker, sink);

	progress_end(&checker->progress);
	if (checker->json)
		print_json(checker, path, finding);
	else
		print_text(path, finding);
	checker->counts[finding->severity] += vhdx_place_count(&finding->at);
}

static int check_layer(struct checker *checker, struct layer *layer)
{
	struct vhdx_census census = { 0 };

	return vhdx_check_blocks(layer->image, &census,
				 &checker->progress.engine, &layer->report);
}

static int check_disk(struct checker *checker, const struct options *options,
		      const char *path)
{
	const struct vhdx_headers *headers;
	struct disk *disk;
	int err, worst = 0;
	u32 i;

	err = open_image(options, path, OPEN_IDLE, &checker->sink, &disk);
	if (err)
		return err;
	headers = &disk->layer[0]->image->headers;
	checker->dirty = vhdx_header_dirty(vhdx_header_current(headers));
	/* What can be opened is checked, also if the chain is broken. */
	if (options->chain)
		worst = disk_follow(disk);
	for (i = 0; i < disk->depth && worst != -EINTR; i++) {
		err = check_layer(checker, disk->layer[i]);
		if (err)
			worst = err;
	}
	disk_close(disk);
	return worst;
}

static int verdict(const struct checker *checker)
{
	if (checker->counts[VHDX_ERROR])
		return EXIT_CORRUPT;
	if (checker->counts[VHDX_READONLY])
		return EXIT_READONLY;
	if (checker->counts[VHDX_WARN])
		return EXIT_WARNINGS;
	return EXIT_OK;
}

static void print_counts(const struct checker *checker, int code)
{
	struct json_object *object = tree_new();
	unsigned int severity;

	for (severity = 0; severity <= VHDX_ERROR; severity++)
		tree_number(object, severity_name(severity),
			    checker->counts[severity]);
	tree_number(object, "exit_code", (u64)code);
	tree_print(object, true);
	tree_free(object);
}

static void print_summary(const struct checker *checker, const char *path,
			  int code)
{
	const u64 *counts = checker->counts;

	if (checker->json) {
		puts("],\n\"summary\":");
		print_counts(checker, code);
		putchar('}');
		putchar('\n');
		return;
	}
	if (!msg_enabled(MSG_NORMAL))
		return;
	msg_safe(stdout, path);
	if (code == EXIT_OK)
		puts(checker->dirty ? ": sound; its log must be replayed" :
				      ": clean");
	else
		printf(": %llu errors, %llu against writing, %llu warnings\n",
		       counts[VHDX_ERROR], counts[VHDX_READONLY],
		       counts[VHDX_WARN]);
}

/* Is there a use for what was asked for? */
static int suits(const struct options *options)
{
	if (options->clear_log && !options->repair) {
		msg_err("--clear-log goes with --repair");
		return -EINVAL;
	}
	if ((options->parent_count || options->ignore_id) && !options->chain) {
		msg_err("--%s goes with --chain", options->parent_count ?
			"parent" : "ignore-id-mismatch");
		return -EINVAL;
	}
	return 0;
}

/**
 * cmd_check() - the verb `check`
 * @options: of the command line
 * @args: the image
 *
 * Return: the exit code of the worst finding, or why it could not be checked.
 */
int cmd_check(const struct options *options, char **args)
{
	struct checker checker = {
		.sink.finding = hear,
		.json = options->json,
	};
	int err, code;

	err = suits(options);
	if (err)
		return err;
	if (options->repair) {
		err = repair_image(options, args[0]);
		if (err)
			return err;
	}
	if (options->json)
		puts("{\"findings\": [");
	progress_begin(&checker.progress, "check");
	err = check_disk(&checker, options, args[0]);
	progress_end(&checker.progress);
	code = err ? exit_code(err) : verdict(&checker);
	if (err == -EINTR)
		msg_err("interrupted: the check is not complete");
	if (!err || options->json)
		print_summary(&checker, args[0], code);
	return code;
}
