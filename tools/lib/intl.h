/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translations of messages, by gettext.
 *
 * What is translated is looked up where it is printed: the functions of
 * message.h do so with their formats, so their callers say nothing of it. `make
 * pot` collects these formats, and the texts in N_(). JSON is not translated,
 * nor are --debug, what verbs print on standard output, and findings of the
 * engine, which are the same in the kernel's log.
 */
#ifndef INTL_H
#define INTL_H

#include <libintl.h>

#define INTL_DOMAIN	"dm-vhdx"

/* Look a text up; without a catalogue, it stays as it is. */
#define _(text)		dgettext(INTL_DOMAIN, text)

/* Mark a text that is looked up elsewhere. */
#define N_(text)	text

#endif /* INTL_H */
