/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Findings: how the engine says what is wrong with an image, in sentences that
 * a person can act on.
 *
 * Every check in the engine speaks through a report. Whoever opens the image
 * decides what becomes of a finding: the module shows the first error as the
 * reason of a refused table and logs the rest, `vhdxsetup check` lists them
 * all.
 *
 * report.c APIs:
 *   vhdx_report_silent	where findings go that nobody wants
 *   vhdx_find()	state a finding and go on
 *   vhdx_refuse()	state an error and return its errno
 *   vhdx_sentence()	put a finding in one line of words
 *   vhdx_size_text()	a size in the largest unit that fits
 *   vhdx_character()	is this a character that may be printed?
 *   vhdx_turns_text()	does a character turn text around?
 *   vhdx_guid_text()	print a GUID
 *   vhdx_errno_words()	an errno in words
 * report.h APIs:
 *   vhdx_place_count()	how many things a place stands for
 */
#ifndef VHDX_REPORT_H
#define VHDX_REPORT_H

#include "env.h"

/**
 * enum vhdx_severity - what a finding means for the image
 * @VHDX_INFO: worth knowing; nothing is wrong
 * @VHDX_WARN: against the specification, harmless to a reader, healed by the
 *	next writer
 * @VHDX_READONLY: reads right, but cannot be written without risk
 * @VHDX_ERROR: the image, or the block that is named, cannot be read right and
 *	is refused
 */
enum vhdx_severity {
	VHDX_INFO,
	VHDX_WARN,
	VHDX_READONLY,
	VHDX_ERROR,
};

#define VHDX_NO_INDEX U64_MAX

/**
 * struct vhdx_place - where in the file a finding is
 * @name: the structure, in the words of the specification: "header", "BAT
 *	entry"
 * @index: which one of them, or VHDX_NO_INDEX where there is one only
 * @offset: byte offset in the image file, of the first one
 * @last: the last one, of several that have the same wrong; else 0
 * @count: how many they are; else 0. Others may lie between them: the entry of
 *	a sector bitmap lies between those of two payload blocks.
 */
struct vhdx_place {
	const char *name;
	u64 index;
	u64 offset;
	u64 last;
	u64 count;
};

#define VHDX_AT_INDEX(_name, _index, _offset) \
	((struct vhdx_place){ .name = _name, .index = _index, .offset = _offset })
#define VHDX_AT(_name, _offset) VHDX_AT_INDEX(_name, VHDX_NO_INDEX, _offset)

/* Bytes, with the NUL: what is wrong, and the whole line around it. */
#define VHDX_TEXT_MAX 224
#define VHDX_SENTENCE_MAX 352

/**
 * struct vhdx_finding - one thing to say about an image
 * @severity: what it means
 * @at: where it is
 * @text: what is wrong, and the remedy where there is one; no leading capital,
 *	no full stop
 */
struct vhdx_finding {
	enum vhdx_severity severity;
	struct vhdx_place at;
	const char *text;
};

/**
 * struct vhdx_report - where findings go
 * @emit: takes one finding; its text lives for the call only. May be called
 *	from any context the engine is called from, and from several threads
 *	at once.
 */
struct vhdx_report {
	void (*emit)(struct vhdx_report *report,
		     const struct vhdx_finding *finding);
};

extern struct vhdx_report vhdx_report_silent;

__printf(4, 5) void vhdx_find(struct vhdx_report *report,
			      enum vhdx_severity severity, struct vhdx_place at,
			      const char *fmt, ...);
__printf(4, 5) int vhdx_refuse(struct vhdx_report *report, int err,
			       struct vhdx_place at, const char *fmt, ...);

int vhdx_sentence(const struct vhdx_finding *finding, char *buf, size_t size);
size_t vhdx_character(const u8 *text);
bool vhdx_turns_text(const u8 *text);

/**
 * vhdx_place_count() - how many things a place stands for
 * @at: the place
 *
 * Return: 1, or the length of the run.
 */
static inline u64 vhdx_place_count(const struct vhdx_place *at)
{
	return at->count ? at->count : 1;
}

#define VHDX_SIZE_TEXT_SIZE 32
const char *vhdx_size_text(u64 bytes, char buf[VHDX_SIZE_TEXT_SIZE]);

#define VHDX_GUID_TEXT_SIZE 37
const char *vhdx_guid_text(const guid_t *guid, char buf[VHDX_GUID_TEXT_SIZE]);
const char *vhdx_errno_words(int err);

#endif /* VHDX_REPORT_H */
