// SPDX-License-Identifier: GPL-2.0-only
#include "report.h"

/**
 * vhdx_character() - measure a printable UTF-8 character
 * @text: start of the character, in a string that ends with NUL
 *
 * U+0080 to U+009F control a terminal, as all codes below a space do. Lenient
 * decoders accept overlong forms of them, so the second byte has narrower
 * bounds.
 *
 * Return: the length in bytes; 0 for an invalid or a control character.
 */
size_t vhdx_character(const u8 *text)
{
	size_t length = text[0] < 0x80 ? 1 : text[0] < 0xE0 ? 2 :
			text[0] < 0xF0 ? 3 : 4;
	u8 least = text[0] == 0xC2 || text[0] == 0xE0 ? 0xA0 :
		   text[0] == 0xF0 ? 0x90 : 0x80;
	u8 most = text[0] == 0xED ? 0x9F : text[0] == 0xF4 ? 0x8F : 0xBF;
	size_t i;

	if (text[0] < ' ' || text[0] == 0x7F || text[0] > 0xF4 ||
	    (text[0] >= 0x80 && text[0] < 0xC2))
		return 0;
	if (length > 1 && (text[1] < least || text[1] > most))
		return 0;
	for (i = 2; i < length; i++)
		if ((text[i] & 0xC0) != 0x80)
			return 0;
	return length;
}

/**
 * vhdx_turns_text() - test whether a character changes the direction of text
 * @text: start of the character, in a string that ends with NUL
 *
 * Such characters make one name look like another: U+061C, U+200E, U+200F,
 * U+202A to U+202E, U+2066 to U+2069.
 *
 * Return: true if it does.
 */
bool vhdx_turns_text(const u8 *text)
{
	if (text[0] == 0xD8)
		return text[1] == 0x9C;
	if (text[0] != 0xE2)
		return false;
	if (text[1] == 0x80)
		return text[2] == 0x8E || text[2] == 0x8F ||
		       (text[2] >= 0xAA && text[2] <= 0xAE);
	return text[1] == 0x81 && text[2] >= 0xA6 && text[2] <= 0xA9;
}

/*
 * Names come from the image. Control characters in them must neither reach a
 * terminal nor forge a line of the kernel log. A truncated name may end inside
 * a character.
 */
static void disarm_text(char *text)
{
	while (*text) {
		const u8 *start = (const u8 *)text;
		size_t length = vhdx_turns_text(start) ? 0 :
							 vhdx_character(start);

		if (!length)
			*text = '?';
		text += max_t(size_t, length, 1);
	}
}

__printf(4, 0) static void emit(struct vhdx_report *report,
				enum vhdx_severity severity,
				struct vhdx_place at, const char *fmt,
				va_list args)
{
	char text[VHDX_TEXT_MAX];
	struct vhdx_finding finding = { .severity = severity,
					.at = at,
					.text = text };

	vsnprintf(text, sizeof(text), fmt, args);
	disarm_text(text);
	report->emit(report, &finding);
}

static void emit_nothing(struct vhdx_report *report,
			 const struct vhdx_finding *finding)
{
	(void)report;
	(void)finding;
}

struct vhdx_report vhdx_report_silent = { .emit = emit_nothing };

/**
 * vhdx_find() - report a finding
 * @report: receives the finding
 * @severity: its severity
 * @at: its place in the file
 * @fmt: text as for printf(); kernel and userspace share only the plain
 *	conversions, so no %p extensions
 *
 * Context: whatever @report's emit allows; takes no lock of its own.
 */
void vhdx_find(struct vhdx_report *report, enum vhdx_severity severity,
	       struct vhdx_place at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	emit(report, severity, at, fmt, args);
	va_end(args);
}

/**
 * vhdx_refuse() - report an error and return its errno
 * @report: receives the finding
 * @err: negative errno: -EUCLEAN for corruption, -EOPNOTSUPP for an unsupported
 *	feature, -EMEDIUMTYPE if this is no VHDX, -ESTALE for a parent that does
 *	not match
 * @at: its place in the file
 * @fmt: text, as for vhdx_find()
 *
 * Return: @err, so that a check can end with `return vhdx_refuse(...)`.
 */
int vhdx_refuse(struct vhdx_report *report, int err, struct vhdx_place at,
		const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	emit(report, VHDX_ERROR, at, fmt, args);
	va_end(args);
	return err;
}

/**
 * vhdx_find_cut() - report that the file was cut short
 * @report: receives the finding, an error
 * @size: bytes of the file
 * @end: least number of bytes that it must have had
 * @what: what is not there as a whole
 * @lost: bytes of @what that are missing
 *
 * Context: as vhdx_find().
 */
void vhdx_find_cut(struct vhdx_report *report, u64 size, u64 end,
		   const char *what, u64 lost)
{
	char text[VHDX_SIZE_TEXT_SIZE];

	vhdx_find(report, VHDX_ERROR, VHDX_AT("file", size),
		  "was cut short: it ends here, is %llu bytes long and should be %llu or longer; of %s, %s are lost",
		  size, end, what, vhdx_size_text(lost, text));
}

/* "BAT entry 5", or "BAT entries 5 to 12". */
static int name_place(const struct vhdx_place *at, char *buf, size_t size)
{
	int stem = strlen(at->name);
	bool y = stem && at->name[stem - 1] == 'y';

	if (at->index == VHDX_NO_INDEX)
		return snprintf(buf, size, "%s", at->name);
	if (at->last <= at->index)
		return snprintf(buf, size, "%s %llu", at->name, at->index);
	return snprintf(buf, size, "%.*s%s %llu to %llu", stem - y, at->name,
			y ? "ies" : "s", at->index, at->last);
}

/**
 * vhdx_sentence() - format a finding as one line of text
 * @finding: the finding
 * @buf: receives the line; VHDX_SENTENCE_MAX bytes suffice
 * @size: bytes in @buf
 *
 * Return: the length of the whole line, as snprintf().
 */
int vhdx_sentence(const struct vhdx_finding *finding, char *buf, size_t size)
{
	const struct vhdx_place *at = &finding->at;
	int named = name_place(at, buf, size);
	size_t used = min_t(size_t, named, size);

	return named + snprintf(buf + used, size - used,
				" at offset 0x%llx: %s", at->offset,
				finding->text);
}

/**
 * vhdx_size_text() - format a size in the largest fitting unit
 * @bytes: the size
 * @buf: VHDX_SIZE_TEXT_SIZE bytes for it and a NUL
 *
 * Tenths are rounded down, so the size is at least the one printed.
 *
 * Return: @buf.
 */
const char *vhdx_size_text(u64 bytes, char buf[VHDX_SIZE_TEXT_SIZE])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB",
					     "TiB" };
	unsigned int unit = 0;
	u64 whole;
	u8 tenths;

	while (unit + 1 < ARRAY_SIZE(units) && bytes >> (10 * (unit + 1)))
		unit++;
	whole = bytes >> (10 * unit);
	tenths = ((bytes - (whole << (10 * unit))) * 10) >> (10 * unit);
	if (bytes == 1)
		snprintf(buf, VHDX_SIZE_TEXT_SIZE, "1 byte");
	else if (tenths)
		snprintf(buf, VHDX_SIZE_TEXT_SIZE, "%llu.%u %s", whole,
			 tenths, units[unit]);
	else
		snprintf(buf, VHDX_SIZE_TEXT_SIZE, "%llu %s", whole,
			 units[unit]);
	return buf;
}

/**
 * vhdx_guid_text() - format a GUID
 * @guid: in binary form
 * @buf: VHDX_GUID_TEXT_SIZE bytes for 8-4-4-4-12 lower-case digits and a NUL
 *
 * The kernel's %pUl has no counterpart in userspace.
 *
 * Return: @buf.
 */
const char *vhdx_guid_text(const guid_t *guid, char buf[VHDX_GUID_TEXT_SIZE])
{
	static const u8 order[16] = { 3, 2, 1,	0,  5,	4,  7,	6,
				      8, 9, 10, 11, 12, 13, 14, 15 };
	const u8 *bytes = (const u8 *)guid;
	char *p = buf;
	int i;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		p += snprintf(p, 3, "%02x", bytes[order[i]]);
	}
	return buf;
}

/**
 * vhdx_errno_words() - describe an errno
 * @err: negative errno
 *
 * Context: any.
 * Return: words for the errors that stores are likely to return, "unexpected
 * error" for others, so callers print the number as well.
 */
const char *vhdx_errno_words(int err)
{
	static const struct {
		int err;
		const char *words;
	} all[] = {
		{ ENOENT, "no such file or directory" },
		{ ENOTDIR, "a part of the path is not a directory" },
		{ EACCES, "permission denied" },
		{ EPERM, "permission denied" },
		{ ELOOP, "too many symbolic links" },
		{ ENAMETOOLONG, "the name is too long" },
		{ ENXIO, "no such device" },
		{ ENODEV, "no such device" },
		{ EBUSY, "in use by something else" },
		{ ETXTBSY, "in use by something else" },
		{ EROFS, "read-only file system" },
		{ ENOMEM, "out of memory" },
		{ EIO, "I/O error" },
		{ EINTR, "interrupted" },
		{ ENOSPC, "no space left" },
		{ EDQUOT, "the quota is used up" },
		{ EFBIG, "the file would be too long" },
		{ ENODATA, "no data" },
		{ EUCLEAN, "what is below is damaged" },
		{ EILSEQ, "protection information is wrong" },
		{ ETIMEDOUT, "timed out" },
		{ ESTALE, "the file is gone from its server" },
		{ EOPNOTSUPP, "not supported" },
		{ EINVAL, "not possible in this way" },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].err == -err)
			return all[i].words;
	return "unexpected error";
}
