/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The exit codes of vhdxsetup, and the words for errors in JSON. Scripts depend
 * on them, so a number or a word never changes its meaning. vhdxsetup(8) and
 * vhdxsetup-json.rst list them.
 *
 * exit-codes.c APIs:
 *   exit_code()	convert an errno to an exit code
 *   exit_word()	convert an errno to a word
 */
#ifndef EXIT_CODES_H
#define EXIT_CODES_H

enum vhdx_exit {
	EXIT_OK = 0,
	EXIT_USAGE = 1,		/* the command line makes no sense */
	EXIT_CORRUPT = 2,	/* the image is corrupt or not supported */
	EXIT_NOT_VHDX = 3,	/* it is something else than a VHDX image */
	EXIT_PARENT = 4,	/* a parent is missing, or not the right one */
	EXIT_PERMISSION = 5,
	EXIT_NOT_FOUND = 6,	/* no such image or device */
	EXIT_BUSY = 7,		/* device or image in use, or the name taken */
	EXIT_MODULE = 8,	/* the kernel lacks or refused the target */
	EXIT_IO = 9,		/* reading or writing failed */
	EXIT_WARNINGS = 10,	/* check: warnings, no errors */
	EXIT_READONLY = 11,	/* check: reads right, not safe to write */
	EXIT_SYSTEM = 12,	/* memory, processes: the machine's trouble */
	EXIT_SPACE = 13,	/* there is not enough room */
	EXIT_TOOL = 14,		/* another program that does a part failed */
	EXIT_DIFFER = 15,	/* compare: the disks differ */
	EXIT_TOO_MANY = 16,	/* map, diff: more rows than wanted */
	EXIT_LOST = 17,		/* salvage: a part of the disk is lost */
	EXIT_INTERRUPTED = 130,	/* by SIGINT, as a shell says it */
};

/*
 * Errnos with a special meaning in the tools. vhdx_refuse() has those of the
 * engine.
 */
#define ENOPARENT	ENOLINK		/* a parent was not found */
#define ENOTARGET	ENOPKG		/* the kernel has no vhdx target */
#define ETOOL		ECHILD		/* another program failed */

int exit_code(int err);
const char *exit_word(int err);

#endif /* EXIT_CODES_H */
