/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine's findings as messages of vhdxsetup.
 *
 * findings.c APIs:
 *   sink_messages()	get a sink that prints findings as messages
 *   sink_silent()	get a sink that prints nothing
 *   severity_name()	convert a severity to a word
 * findings-library.c APIs:
 *   findings_hear()	print messages of the library
 */
#ifndef FINDINGS_H
#define FINDINGS_H

#include "handle.h"

struct disk_sink *sink_messages(void);
struct disk_sink *sink_silent(void);
const char *severity_name(enum vhdx_severity severity);
void findings_hear(void *context, const struct vhdx_message *message);

#endif /* FINDINGS_H */
