/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel says of a table that it refuses, or of a device that does not
 * start: the ioctl returns an errno only, the sentence goes to the kernel log.
 *
 * kmsg.c APIs:
 *   kmsg_begin()	from here on
 *   kmsg_reason()	what was said since
 *   kmsg_explain()	say to the user what was said since
 *   kmsg_module()	what the module loader said since
 *   kmsg_end()
 */
#ifndef KMSG_H
#define KMSG_H

#include <stdbool.h>
#include <stddef.h>

int kmsg_begin(void);
const char *kmsg_reason(int fd, char *buf, size_t size);
void kmsg_explain(int fd, const char *name, bool refused);
const char *kmsg_module(int fd, char *buf, size_t size);
void kmsg_end(int fd);

#endif /* KMSG_H */
