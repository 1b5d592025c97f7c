// SPDX-License-Identifier: GPL-2.0-only
#include "findings.h"

static const char *const severity_name[] = {
	[VHDX_INFO] = "info",
	[VHDX_WARN] = "warning",
	[VHDX_READONLY] = "read-only",
	[VHDX_ERROR] = "error",
};

static void remember(struct vhdx_report *report,
		     const struct vhdx_finding *finding)
{
	struct findings *found = container_of(report, struct findings, report);
	char line[VHDX_SENTENCE_MAX];
	u32 room = FINDINGS_TEXT_MAX - found->length;

	found->count++;
	vhdx_sentence(finding, line, sizeof(line));
	found->length += min_t(u32, room - 1,
			       snprintf(found->text + found->length, room,
					"%s: %s\n",
					severity_name[finding->severity],
					line));
}

/**
 * findings_init() - forget everything
 * @found: what to set up
 */
void findings_init(struct findings *found)
{
	found->report.emit = remember;
	found->count = 0;
	found->length = 0;
	found->text[0] = 0;
}

/**
 * findings_expect() - these lines, no more and no fewer
 * @test: the test
 * @found: what was found; forgotten afterwards
 * @lines: as in struct findings; "" for none
 */
void findings_expect(struct kunit *test, struct findings *found,
		     const char *lines)
{
	KUNIT_EXPECT_STREQ(test, (const char *)found->text, lines);
	findings_init(found);
}
