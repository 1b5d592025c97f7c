// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "kmsg.h"
#include "message.h"

#define RECORD_MAX	8192

/* Prefix of device-mapper's line with the reason why it refused a table. */
#define DM_PREFIX	"device-mapper: "
#define TABLE_PREFIX	"table: "
#define TARGET_PREFIX	"vhdx: "
/* Prefixes of the module loader's lines, for our module or any module. */
#define MODULE_PREFIX	"dm_vhdx: "
#define LOADING_PREFIX	"Loading of "

/**
 * kmsg_begin() - record the present end of the kernel log
 *
 * Return: a descriptor for the other functions; -1 if the log cannot be read,
 * which they accept.
 */
int kmsg_begin(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		(void)lseek(fd, 0, SEEK_END);
	return fd;
}

/*
 * Return the text of an error of the target, or of device-mapper's reason for
 * refusing a table, which is final. A record is
 * "priority,sequence,time,flags;text\n KEY=value...".
 */
static const char *sentence_of(char *record, bool *last_word)
{
	char *text = strchr(record, ';');
	char *end, *reason;

	if (!text || strncmp(++text, DM_PREFIX, strlen(DM_PREFIX)))
		return NULL;
	end = strchr(text, '\n');
	if (end)
		*end = '\0';
	text += strlen(DM_PREFIX);
	*last_word = !strncmp(text, TABLE_PREFIX, strlen(TABLE_PREFIX));
	reason = strstr(text, TARGET_PREFIX);
	if (!reason ||
	    (!*last_word && (reason != text || (atoi(record) & 7) > 3)))
		return NULL;
	reason += strlen(TARGET_PREFIX);
	/* This line only repeats that there was an error. */
	return strncmp(reason, "preresume failed", 16) ? reason : NULL;
}

/* Read the next record, and end it by a NUL. Return false if there is none. */
static bool next_record(int fd, char record[RECORD_MAX])
{
	ssize_t n;

	/*
	 * EPIPE: records were overwritten; the next read continues after them.
	 */
	do {
		n = fd < 0 ? 0 : read(fd, record, RECORD_MAX - 1);
	} while (n < 0 && errno == EPIPE);
	record[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/**
 * kmsg_reason() - find out why device-mapper or the target refused something
 * @fd: from kmsg_begin()
 * @buf: receives the sentence
 * @size: bytes in @buf
 *
 * Takes the first error of the target, which is the cause of later ones.
 *
 * Return: @buf, or NULL if the log has no reason.
 */
const char *kmsg_reason(int fd, char *buf, size_t size)
{
	const char *found = NULL, *sentence;
	char record[RECORD_MAX];
	bool last_word;

	while (next_record(fd, record)) {
		sentence = sentence_of(record, &last_word);
		if (!sentence || (found && !last_word))
			continue;
		snprintf(buf, size, "%s", sentence);
		found = buf;
	}
	return found;
}

/**
 * kmsg_explain() - print the kernel's reason as a message
 * @fd: from kmsg_begin()
 * @name: name of the device
 * @refused: the kernel refused the table, and the caller has printed nothing;
 *	not set if the device does not start, which the caller has printed
 */
void kmsg_explain(int fd, const char *name, bool refused)
{
	char sentence[1024];
	const char *reason = kmsg_reason(fd, sentence, sizeof(sentence));

	if (refused && reason)
		msg_err("%s: the kernel refused the device: %s", name, reason);
	else if (refused)
		msg_err("%s: the kernel refused the device; the kernel log (dmesg) has the reason",
			name);
	else if (reason)
		msg_err("%s: the kernel says: %s", name, reason);
}

/**
 * kmsg_module() - find the module loader's line about our module or signatures
 * @fd: from kmsg_begin()
 * @buf: receives the sentence
 * @size: bytes in @buf
 *
 * Return: @buf, with the first such line, or NULL if there is none.
 */
const char *kmsg_module(int fd, char *buf, size_t size)
{
	char record[RECORD_MAX];
	const char *text;

	while (next_record(fd, record)) {
		record[strcspn(record, "\n")] = '\0';
		text = strchr(record, ';');
		if (!text)
			continue;
		text++;
		if (!strncmp(text, MODULE_PREFIX, strlen(MODULE_PREFIX)))
			text += strlen(MODULE_PREFIX);
		else if (strncmp(text, LOADING_PREFIX, strlen(LOADING_PREFIX)))
			continue;
		snprintf(buf, size, "%s", text);
		return buf;
	}
	return NULL;
}

/**
 * kmsg_end() - close the log
 * @fd: from kmsg_begin()
 */
void kmsg_end(int fd)
{
	if (fd >= 0)
		close(fd);
}
