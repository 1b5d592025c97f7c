// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reason for which a table is refused.
 */
#include <linux/atomic.h>
#include <linux/device-mapper.h>
#include <linux/slab.h>

#include "printable.h"
#include "reason.h"

#define DM_MSG_PREFIX "vhdx"

/*
 * dm core prints ti->error after the constructor has returned and freed its
 * memory, so a formatted sentence needs static memory. A slot of this ring is
 * reused only after seven other tables have been refused.
 */
#define REASON_SLOTS	8
#define REASON_SIZE	VHDX_SENTENCE_MAX

static char reason_slots[REASON_SLOTS][REASON_SIZE];
static atomic_t reason_next = ATOMIC_INIT(0);

static char *next_slot(void)
{
	unsigned int slot = (unsigned int)atomic_inc_return(&reason_next);

	return reason_slots[slot % REASON_SLOTS];
}

/*
 * Write a finding to the kernel log. It takes no slot: an image may have more
 * findings than there are slots, and would overwrite a reason.
 */
static void reason_log(const struct vhdx_reason *reason,
		       enum vhdx_severity severity, const char *text)
{
	char *image = vhdx_printable_dup(reason->image ?: "chain", GFP_KERNEL);
	char *sentence = kmalloc(REASON_SIZE, GFP_KERNEL);
	const char *name = image ?: "an image";
	const char *words = sentence ?: "no memory to say what was found";

	if (sentence)
		vhdx_printable(sentence, REASON_SIZE, text);
	switch (severity) {
	case VHDX_ERROR:
		DMERR("%s: %s", name, words);
		break;
	case VHDX_READONLY:
	case VHDX_WARN:
		DMWARN("%s: %s", name, words);
		break;
	case VHDX_INFO:
		DMINFO("%s: %s", name, words);
		break;
	}
	kfree(sentence);
	kfree(image);
}

/* Shorten the path if necessary, but never the sentence. */
static void reason_set(struct vhdx_reason *reason, const char *text)
{
	size_t used = 0, left;
	char *error;

	if (reason->given) {
		reason_log(reason, VHDX_ERROR, text);
		return;
	}
	error = next_slot();
	left = REASON_SIZE - min_t(size_t, REASON_SIZE,
				   vhdx_printable(error, REASON_SIZE, text));
	if (reason->image)
		used = vhdx_printable(error, REASON_SIZE, reason->image);
	if (used && used + 3 <= left)
		used += scnprintf(error + used, REASON_SIZE - used, ": ");
	else
		used = 0;
	vhdx_printable(error + used, REASON_SIZE - used, text);
	reason->ti->error = error;
	reason->given = true;
}

static void reason_emit(struct vhdx_report *report,
			const struct vhdx_finding *finding)
{
	struct vhdx_reason *reason =
		container_of(report, struct vhdx_reason, report);
	char text[VHDX_SENTENCE_MAX];

	vhdx_sentence(finding, text, sizeof(text));
	if (finding->severity == VHDX_ERROR)
		reason_set(reason, text);
	else
		reason_log(reason, finding->severity, text);
}

/**
 * vhdx_reason_init() - prepare to give a reason
 * @reason: the reason, on the constructor's stack
 * @ti: the target under construction
 */
void vhdx_reason_init(struct vhdx_reason *reason, struct dm_target *ti)
{
	*reason = (struct vhdx_reason){
		.report.emit = reason_emit,
		.ti = ti,
	};
}

/**
 * vhdx_reason_give() - give the reason for a refusal
 * @reason: as vhdx_reason_init() left it
 * @err: negative errno
 * @fmt: a sentence without leading capital or full stop, which follows the name
 *	of the image
 *
 * Return: @err.
 */
int vhdx_reason_give(struct vhdx_reason *reason, int err, const char *fmt, ...)
{
	char text[VHDX_SENTENCE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	reason_set(reason, text);
	return err;
}
