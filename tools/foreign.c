// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <magic.h>
#include <unistd.h>

#include "foreign.h"
#include "message.h"
#include "place.h"

/* A VHD, the older format, ends with this footer, and may begin with a copy. */
#define VHD_COOKIE	"conectix"
#define VHD_FOOTER	512

/* Bytes to look at: enough for the superblock of btrfs. */
#define MAGIC_BYTES	(128 * 1024)

static bool cookie_at(int fd, off_t pos, const char *cookie)
{
	char buf[32];
	size_t len = strlen(cookie);

	return pos >= 0 && len <= sizeof(buf) &&
	       pread(fd, buf, len, pos) == (ssize_t)len &&
	       !memcmp(buf, cookie, len);
}

static bool is_vhd(int fd)
{
	return cookie_at(fd, 0, VHD_COOKIE) ||
	       cookie_at(fd, lseek(fd, 0, SEEK_END) - VHD_FOOTER, VHD_COOKIE);
}

/* Formats that qemu-img converts, by its names. */
static const char *qemu_format(int fd)
{
	static const struct {
		off_t pos;
		const char *cookie;
		const char *format;
	} formats[] = {
		{ 0, "QFI\xfb", "qcow2" },
		{ 0, "KDMV", "vmdk" },
		{ 0, "# Disk DescriptorFile", "vmdk" },
		{ 64, "\x7f\x10\xda\xbe", "vdi" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (cookie_at(fd, formats[i].pos, formats[i].cookie))
			return formats[i].format;
	return NULL;
}

/**
 * foreign_format() - the format of a file by its signature
 * @fd: open for reading
 *
 * Return: QEMU's name of it: "vpc" for VHD, "qcow2", "vmdk" or "vdi"; NULL if the
 * file has none of their signatures.
 */
const char *foreign_format(int fd)
{
	return is_vhd(fd) ? "vpc" : qemu_format(fd);
}

/* Return a word quoted for a shell, for free(). */
static char *quote(const char *path, const char *suffix)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputc('\'', out);
	for (; *path; path++) {
		/* Between single quotes, only the single quote is special. */
		if (*path == '\'')
			fputs("'\\'", out);
		fputc(*path, out);
	}
	fprintf(out, "%s'", suffix);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static void say_convert(const char *path, const char *what)
{
	char *from = quote(path, ""), *to = quote(path, ".vhdx");

	if (from && to)
		msg_err("%s: is a %s image, not VHDX; remedy: vhdxsetup convert %s %s",
			path, what, from, to);
	free(from);
	free(to);
}

/*
 * Report what the magic database finds, if it is installed. It gets only the
 * start of the file, and no parsers of archives or documents run.
 */
static void ask_magic(const char *path, int fd)
{
	static char head[MAGIC_BYTES];
	magic_t magic = magic_open(MAGIC_NO_CHECK_COMPRESS |
				   MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_CDF |
				   MAGIC_NO_CHECK_APPTYPE);
	ssize_t n = pread(fd, head, sizeof(head), 0);
	const char *text = NULL;

	if (n >= 0 && magic && !magic_load(magic, NULL))
		text = magic_buffer(magic, head, (size_t)n);
	if (text)
		msg_err("%s: not a VHDX image; it is: %s", path, text);
	else
		msg_err("%s: not a VHDX image", path);
	if (magic)
		magic_close(magic);
}

/**
 * foreign_explain() - explain what a file is that is not a VHDX
 * @place: descriptor of the file, from place_find()
 * @path: the user's name for it
 */
void foreign_explain(int place, const char *path)
{
	int fd = place_open(place, O_RDONLY);
	const char *format;

	if (fd < 0)
		return;
	format = qemu_format(fd);
	if (is_vhd(fd))
		say_convert(path, "VHD (version 1)");
	else if (format)
		say_convert(path, format);
	else
		ask_magic(path, fd);
	close(fd);
}
