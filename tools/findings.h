/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What becomes of the engine's findings in vhdxsetup.
 *
 * findings.c APIs:
 *   sink_messages()	a sink that says them as messages
 *   severity_name()	a severity in a word
 */
#ifndef FINDINGS_H
#define FINDINGS_H

#include "open.h"

struct disk_sink *sink_messages(void);
const char *severity_name(enum vhdx_severity severity);

#endif /* FINDINGS_H */
