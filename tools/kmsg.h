/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reasons from the kernel log, why a table was refused or a device does not
 * start. The ioctl returns only an errno.
 *
 * kmsg.c APIs:
 *   kmsg_begin()	record the present end of the log
 *   kmsg_reason()	find out why something was refused since
 *   kmsg_explain()	print that reason as a message
 *   kmsg_module()	find the module loader's line since
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
