// SPDX-License-Identifier: GPL-2.0-only
/*
 * The text format of Prometheus, version 0.0.4: all samples of a metric stand
 * together, below what it means.
 */
#include <json-c/json.h>
#include <string.h>

#include "metrics.h"

/**
 * enum source - where a metric comes from
 * @NUMBER: the member is a number
 * @TRUTH: the member is true
 * @PRESENCE: the member is there
 * @FLAG: the target's status has the flag
 */
enum source {
	NUMBER,
	TRUTH,
	PRESENCE,
	FLAG,
};

/**
 * struct metric - a number that devices have
 * @key: the member of a device's tree, or the flag
 * @name: of the metric, after "vhdx_"; NULL for @key, with "_total" behind it
 * @source: what @key means
 * @is_counter: it never gets smaller while the device is there
 * @help: what it is
 */
struct metric {
	const char *key;
	const char *name;
	enum source source;
	bool is_counter;
	const char *help;
};

#define GAUGE(key, name, help)		{ key, name, NUMBER, false, help }
#define COUNTER(key, help)		{ key, NULL, NUMBER, true, help }
#define STATE(source, key, name, help)	{ key, name, source, false, help }

static const struct metric metrics[] = {
	GAUGE("virtual_size", "disk_size_bytes", "Size of the disk."),
	GAUGE("image_size", "image_size_bytes", "Size of the image."),
	STATE(TRUTH, "read_only", "read_only", "Was it made read-only?"),
	STATE(TRUTH, "suspended", "suspended", "Does all of its I/O wait?"),
	STATE(PRESENCE, "fault", "fault",
	      "Did a fault end the writing? The log and the status say which."),
	STATE(FLAG, "no_space", "no_space", "Do writes wait for room?"),
	STATE(FLAG, "no_space_failing", "no_space_failing",
	      "Do writes fail for want of room?"),
	GAUGE("open_count", "open_count", "How many have it open."),
	GAUGE("images_in_chain", "images_in_chain", "The image and its parents."),
	GAUGE("metadata_pages", "metadata_pages",
	      "Pages of 4 KiB of BAT and bitmaps in memory."),
	GAUGE("metadata_pages_limit", "metadata_pages_limit",
	      "How many there may be."),
	COUNTER("metadata_page_loads", "Pages read."),
	COUNTER("metadata_page_evictions", "Pages given up."),
	COUNTER("deferred_requests", "Requests that a worker took."),
	COUNTER("blocks_allocated", "Blocks that were given space."),
	COUNTER("blocks_freed", "Blocks that gave their space up."),
	COUNTER("blocks_prepared", "Blocks that were made ready for that."),
	GAUGE("blocks_ready", "blocks_ready",
	      "Blocks that are ready and not in use."),
	GAUGE("freeing_bytes", "freeing_bytes",
	      "Space that was given up, and that no other block can have yet."),
	COUNTER("sessions", "Times that the writing began."),
	COUNTER("commits", "Transactions that were made durable."),
	COUNTER("checkpoints", "Passes over the pages that were logged."),
	COUNTER("log_entries", "Entries of the log."),
	COUNTER("store_flushes", "Flushes of the store for commits."),
	COUNTER("pages_in_place", "Pages that checkpoints wrote."),
	GAUGE("pages_changed", "pages_changed",
	      "Pages that the next commit will hold."),
};

static bool has_flag(struct json_object *device, const char *flag)
{
	struct json_object *flags, *element;
	size_t i;

	if (!json_object_object_get_ex(device, "flags", &flags))
		return false;
	for (i = 0; i < json_object_array_length(flags); i++) {
		element = json_object_array_get_idx(flags, i);
		if (!strcmp(json_object_get_string(element), flag))
			return true;
	}
	return false;
}

/* False if the device has no such number. */
static bool sample(const struct metric *metric, struct json_object *device,
		   u64 *value)
{
	struct json_object *member = NULL;
	bool is_there = json_object_object_get_ex(device, metric->key, &member);

	switch (metric->source) {
	case NUMBER:
		*value = json_object_get_uint64(member);
		return is_there;
	case TRUTH:
		*value = json_object_get_boolean(member);
		return is_there;
	case PRESENCE:
		*value = is_there;
		return true;
	case FLAG:
		*value = has_flag(device, metric->key);
		return true;
	}
	return false;
}

static void print_label(FILE *out, struct json_object *device, const char *key)
{
	struct json_object *member = NULL;
	const char *text = "";

	if (json_object_object_get_ex(device, key, &member))
		text = json_object_get_string(member);
	fprintf(out, "%s=\"", key);
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void print_metric(FILE *out, const struct metric *metric,
			 struct json_object *devices)
{
	struct json_object *device;
	char name[64];
	u64 value;
	size_t i;

	snprintf(name, sizeof(name), "vhdx_%s%s",
		 metric->name ? metric->name : metric->key,
		 metric->is_counter ? "_total" : "");
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, metric->help, name,
		metric->is_counter ? "counter" : "gauge");
	for (i = 0; i < json_object_array_length(devices); i++) {
		device = json_object_array_get_idx(devices, i);
		if (!sample(metric, device, &value))
			continue;
		fprintf(out, "%s{", name);
		print_label(out, device, "name");
		fputc(',', out);
		print_label(out, device, "image");
		fprintf(out, "} %llu\n", (unsigned long long)value);
	}
}

/**
 * metrics_prometheus() - print what devices counted, for a collector
 * @out: where
 * @devices: a list of what metrics_device() returns
 *
 * It is what a textfile collector of Prometheus' node_exporter takes.
 */
void metrics_prometheus(FILE *out, struct json_object *devices)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(metrics); i++)
		print_metric(out, &metrics[i], devices);
}
