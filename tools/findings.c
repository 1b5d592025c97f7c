// SPDX-License-Identifier: GPL-2.0-only
#include "findings.h"
#include "message.h"

static void say(struct disk_sink *sink, const char *path,
		const struct vhdx_finding *finding)
{
	char sentence[VHDX_SENTENCE_MAX];

	(void)sink;
	vhdx_sentence(finding, sentence, sizeof(sentence));
	switch (finding->severity) {
	case VHDX_ERROR:
		msg_err("%s: %s", path, sentence);
		break;
	case VHDX_READONLY:
	case VHDX_WARN:
		msg_warn("%s: %s", path, sentence);
		break;
	case VHDX_INFO:
		msg_verbose("%s: %s", path, sentence);
		break;
	}
}

/**
 * sink_messages() - get a sink that prints findings as messages
 *
 * Prints errors and warnings, and with -v information.
 *
 * Return: the sink, which is static.
 */
struct disk_sink *sink_messages(void)
{
	static struct disk_sink sink = { .finding = say };

	return &sink;
}

static void say_nothing(struct disk_sink *sink, const char *path,
			const struct vhdx_finding *finding)
{
	(void)sink;
	(void)path;
	(void)finding;
}

/**
 * sink_silent() - get a sink that prints nothing
 *
 * For an attempt that is made again, or whose failure the caller reports.
 *
 * Return: the sink, which is static.
 */
struct disk_sink *sink_silent(void)
{
	static struct disk_sink sink = { .finding = say_nothing };

	return &sink;
}

/**
 * severity_name() - convert a severity to a word
 * @severity: the severity
 *
 * Return: a constant.
 */
const char *severity_name(enum vhdx_severity severity)
{
	static const char *const names[] = {
		[VHDX_INFO] = "info",
		[VHDX_WARN] = "warning",
		[VHDX_READONLY] = "read-only",
		[VHDX_ERROR] = "error",
	};

	return names[severity];
}
