// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "status-tree.h"
#include "words.h"

/*
 * The words of the target's message "stats", and how they are called here. The
 * status has the others.
 */
static const struct {
	const char *word;
	const char *key;
} counters[] = {
	{ "begun", "sessions" },
	{ "prepared", "blocks_prepared" },
	{ "checkpoints", "checkpoints" },
	{ "entries", "log_entries" },
	{ "flushes", "store_flushes" },
	{ "pages_in_place", "pages_in_place" },
	{ "pages_changed", "pages_changed" },
	{ "ready", "blocks_ready" },
	{ "freeing", "freeing_bytes" },
	{ "size", "image_size" },
};

static void add_counter(struct json_object *object, const char *word)
{
	size_t i, length = strcspn(word, "=");

	for (i = 0; i < ARRAY_SIZE(counters); i++)
		if (strlen(counters[i].word) == length &&
		    !strncmp(counters[i].word, word, length) && word[length])
			tree_number(object, counters[i].key,
				    strtoull(word + length + 1, NULL, 10));
}

/* A device that does not write, or not yet, has none of these. */
static void add_session(struct json_object *object, const struct dmdev *dev)
{
	struct words words;
	char answer[512];
	unsigned int i;

	if (dev->read_only ||
	    dmdev_message(dev->name, "stats", answer, sizeof(answer)) ||
	    words_split(answer, &words))
		return;
	for (i = 0; i < words.count; i++)
		add_counter(object, words.word[i]);
	words_free(&words);
}

/**
 * metrics_device() - the counters of one device
 * @dev: from dmdev_query()
 *
 * Return: the tree, for tree_free().
 */
struct json_object *metrics_device(const struct dmdev *dev)
{
	struct json_object *object = status_device(dev);

	status_add_target(object, dev);
	add_session(object, dev);
	return object;
}
