// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "kmsg.h"

#define RECORD_MAX	8192

/* How device-mapper begins the line that tells why a table was refused. */
#define TABLE_PREFIX	"device-mapper: table: "
#define TARGET_PREFIX	"vhdx: "

/**
 * kmsg_begin() - remember where the kernel log ends now
 *
 * Return: for the other functions; -1 if the log cannot be read, with which
 * they cope.
 */
int kmsg_begin(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		(void)lseek(fd, 0, SEEK_END);
	return fd;
}

/* A record is "priority,sequence,time,flags;text\n KEY=value...". */
static const char *sentence_of(char *record)
{
	char *text = strchr(record, ';');
	char *end, *reason;

	if (!text || strncmp(++text, TABLE_PREFIX, strlen(TABLE_PREFIX)))
		return NULL;
	end = strchr(text, '\n');
	if (end)
		*end = '\0';
	reason = strstr(text, TARGET_PREFIX);
	return reason ? reason + strlen(TARGET_PREFIX) : NULL;
}

/**
 * kmsg_reason() - why device-mapper refused a table
 * @fd: from kmsg_begin()
 * @buf: where the sentence goes
 * @size: of @buf, in bytes
 *
 * Return: @buf, or NULL if nothing was said.
 */
const char *kmsg_reason(int fd, char *buf, size_t size)
{
	char record[RECORD_MAX];
	const char *found = NULL, *sentence;
	ssize_t n;

	if (fd < 0)
		return NULL;
	/* EPIPE: records were overwritten; the next read goes on after them. */
	while ((n = read(fd, record, sizeof(record) - 1)) > 0 ||
	       (n < 0 && errno == EPIPE)) {
		if (n < 0)
			continue;
		record[n] = '\0';
		sentence = sentence_of(record);
		if (sentence) {
			snprintf(buf, size, "%s", sentence);
			found = buf;
		}
	}
	return found;
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
