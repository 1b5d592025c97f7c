// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"
#include "damage.h"
#include "message.h"

/*
 * Do not check a longer BAT: an open must not wait for that, and the kernel
 * checks it beside the first reads. This is the BAT of 4 TiB in blocks of 2
 * MiB.
 */
#define BAT_MAX		(16 * VHDX_MIB)

/**
 * struct damage - damage that makes writing unsafe
 * @report: receives the findings
 * @cut: somebody has cut the file, which explains the other findings
 * @text: the finding to print
 */
struct damage {
	struct vhdx_report report;
	bool cut;
	char text[VHDX_SENTENCE_MAX];
};

static void hear(struct vhdx_report *report, const struct vhdx_finding *finding)
{
	struct damage *damage = container_of(report, struct damage, report);
	bool cut = !strcmp(finding->at.name, "file");

	if (finding->severity < VHDX_READONLY || (*damage->text && !cut))
		return;
	damage->cut = cut;
	vhdx_sentence(finding, damage->text, sizeof(damage->text));
}

/**
 * damage_found() - check that the BAT permits writing
 * @layer: the open image
 *
 * The kernel checks the same before the first write, and then makes the device
 * read-only. This check tells the user at the start.
 *
 * Return: true, after a warning, if it does not.
 */
bool damage_found(const struct layer *layer)
{
	const struct vhdx_bat *bat = &layer->image->bat;
	struct damage damage = { .report.emit = hear };
	struct vhdx_census census;

	if (bat->entries * sizeof(__le64) > BAT_MAX)
		return false;
	if (vhdx_check_blocks(layer->image, &census, NULL, &damage.report))
		return false;
	if (!*damage.text)
		return false;
	msg_warn("%s: %s; so the device is read-only%s", layer->path,
		 damage.text, damage.cut ?
		 ", and what is lost cannot be read" : "");
	return true;
}
