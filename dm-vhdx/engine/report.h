/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Findings: the engine describes the faults of an image in sentences that a
 * person can act on.
 *
 * Every check in the engine emits its findings to a report. The opener of the
 * image decides what happens to a finding: the module shows the first error as
 * the reason for refusing a table and logs the rest; `vhdxsetup check` lists
 * them all.
 *
 * report.c APIs:
 *   vhdx_report_silent	a report that drops its findings
 *   vhdx_find()	report a finding and go on
 *   vhdx_refuse()	report an error and return its errno
 *   vhdx_find_cut()	report that the file was cut short
 *   vhdx_sentence()	format a finding as one line of text
 *   vhdx_size_text()	format a size in the largest unit that fits
 *   vhdx_character()	length of a printable UTF-8 character
 *   vhdx_turns_text()	test whether a character changes text direction
 *   vhdx_guid_text()	format a GUID
 *   vhdx_errno_words()	describe an errno
 * report.h APIs:
 *   vhdx_place_count()	number of things that a place stands for
 */
#ifndef VHDX_REPORT_H
#define VHDX_REPORT_H

#include "env.h"

/**
 * enum vhdx_severity - meaning of a finding for the image
 * @VHDX_INFO: nothing is wrong, but worth knowing
 * @VHDX_WARN: violates the specification; a reader can ignore it, and the next
 *	writer heals it
 * @VHDX_READONLY: the image reads correctly, but writing it is risky
 * @VHDX_ERROR: the image or the named block cannot be read correctly and is
 *	refused
 */
enum vhdx_severity {
	VHDX_INFO,
	VHDX_WARN,
	VHDX_READONLY,
	VHDX_ERROR,
};

#define VHDX_NO_INDEX U64_MAX

/**
 * struct vhdx_place - place of a finding in the file
 * @name: the structure, as the specification calls it: "header", "BAT entry"
 * @index: its index, or VHDX_NO_INDEX if there is only one
 * @offset: byte offset of the first one in the image file
 * @last: index of the last one if several have the same fault; else 0
 * @count: number of them if several have the same fault; else 0. Others may lie
 *	between them: the entry of a sector bitmap lies between those of two
 *	payload blocks.
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

/*
 * Sizes in bytes with the NUL: of the text of a finding, and of the whole line.
 */
#define VHDX_TEXT_MAX 224
#define VHDX_SENTENCE_MAX 352

/**
 * struct vhdx_finding - one statement about an image
 * @severity: its meaning for the image
 * @at: its place
 * @text: the fault, and the remedy if there is one; no leading capital, no full
 *	stop
 */
struct vhdx_finding {
	enum vhdx_severity severity;
	struct vhdx_place at;
	const char *text;
};

/**
 * struct vhdx_report - receiver of findings
 * @emit: receives one finding, whose text is valid during the call only. The
 *	engine may call this from any context that it is called from, and from
 *	several threads at once.
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
void vhdx_find_cut(struct vhdx_report *report, u64 size, u64 end,
		   const char *what, u64 lost);

int vhdx_sentence(const struct vhdx_finding *finding, char *buf, size_t size);
size_t vhdx_character(const u8 *text);
bool vhdx_turns_text(const u8 *text);

/**
 * vhdx_place_count() - number of things that a place stands for
 * @at: the place
 *
 * Return: 1, or the number of things in a run.
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
