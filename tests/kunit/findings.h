/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A report that remembers, so that a test can hold every finding, word for
 * word, against what it expects.
 *
 * findings.c APIs:
 *   findings_init()		forget everything
 *   findings_expect()		these lines, no more and no fewer
 */
#ifndef VHDX_TEST_FINDINGS_H
#define VHDX_TEST_FINDINGS_H

#include <kunit/test.h>

#include "report.h"

#define FINDINGS_TEXT_MAX 8192U

/**
 * struct findings - what a report was told
 * @report: what the engine sees
 * @count: findings so far
 * @length: bytes in @text
 * @text: a line for each: the severity, a colon, the sentence
 */
struct findings {
	struct vhdx_report report;
	u32 count;
	u32 length;
	char text[FINDINGS_TEXT_MAX];
};

void findings_init(struct findings *found);
void findings_expect(struct kunit *test, struct findings *found,
		     const char *lines);

#endif /* VHDX_TEST_FINDINGS_H */
