// SPDX-License-Identifier: GPL-2.0-only
#include <endian.h>
#include <strings.h>
#include <unistd.h>

#include "foreign.h"
#include "format.h"
#include "image-format.h"
#include "message.h"

static const struct {
	enum image_format format;
	const char *name;
	const char *extensions[3];
} formats[] = {
	{ FORMAT_RAW, "raw", { "raw", "img" } },
	{ FORMAT_VHDX, "vhdx", { "vhdx", "avhdx" } },
	{ FORMAT_VPC, "vpc", { "vhd", "vpc" } },
	{ FORMAT_QCOW2, "qcow2", { "qcow2" } },
	{ FORMAT_VMDK, "vmdk", { "vmdk" } },
	{ FORMAT_VDI, "vdi", { "vdi" } },
};

/**
 * format_name() - a format's name, as QEMU has it
 * @format: which
 *
 * Return: a constant.
 */
const char *format_name(enum image_format format)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i].format == format)
			return formats[i].name;
	return "unknown";
}

/**
 * format_arg() - a format from the argument of an option
 * @option: the option's name
 * @text: a name; "vhd" is one of VHD, too
 * @format: set to it
 *
 * Return: 0, or -EINVAL after a message.
 */
int format_arg(const char *option, const char *text,
	       enum image_format *format)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		if (strcmp(formats[i].name, text) &&
		    strcmp(formats[i].extensions[0], text))
			continue;
		*format = formats[i].format;
		return 0;
	}
	msg_err("--%s %s: there are raw, vhdx, vpc (VHD), qcow2, vmdk and vdi",
		option, text);
	return -EINVAL;
}

/**
 * format_by_name() - the format that a file name stands for
 * @path: of a file, which need not be there
 *
 * Return: the format, or FORMAT_UNKNOWN.
 */
enum image_format format_by_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash ? slash : path, '.');
	size_t i, j;

	if (!dot)
		return FORMAT_UNKNOWN;
	for (i = 0; i < ARRAY_SIZE(formats); i++)
		for (j = 0; formats[i].extensions[j]; j++)
			if (!strcasecmp(formats[i].extensions[j], dot + 1))
				return formats[i].format;
	return FORMAT_UNKNOWN;
}

/**
 * format_by_content() - the format of a file by its signature
 * @fd: open for reading
 *
 * Return: the format; FORMAT_RAW, if it has none of the signatures.
 */
enum image_format format_by_content(int fd)
{
	const char *name = foreign_format(fd);
	__le64 signature;
	enum image_format format;

	if (pread(fd, &signature, sizeof(signature), 0) == sizeof(signature) &&
	    le64_to_cpu(signature) == VHDX_FILE_SIGNATURE)
		return FORMAT_VHDX;
	if (!name || format_arg("", name, &format))
		return FORMAT_RAW;
	return format;
}

/*
 * Where these formats say that they are not alone. QEMU reads a descriptor of so
 * many bytes at a fixed place, whatever the header of the VMDK says.
 */
#define QCOW2_BACKING		8
#define QCOW2_FEATURES		72
#define QCOW2_EXTERNAL_DATA	4
#define VMDK_CAPACITY		12
#define VMDK_DESCRIPTOR		512
#define VMDK_DESCRIPTOR_SIZE	(20 * 512)
#define VHD_TYPE		60
#define VHD_DIFFERENCING	4

/* Zeros stand for what is behind the end. */
static void read_at(int fd, off_t pos, void *buf, size_t len)
{
	memset(buf, 0, len);
	if (pread(fd, buf, len, pos) < 0)
		memset(buf, 0, len);
}

static const char *qcow2_strays(int fd)
{
	u64 backing, features;
	u32 version;

	read_at(fd, 4, &version, sizeof(version));
	read_at(fd, QCOW2_BACKING, &backing, sizeof(backing));
	read_at(fd, QCOW2_FEATURES, &features, sizeof(features));
	if (backing)
		return "a backing file";
	if (be32toh(version) > 2 && be64toh(features) & QCOW2_EXTERNAL_DATA)
		return "a data file";
	return NULL;
}

static const char *vmdk_strays(int fd)
{
	static char text[VMDK_DESCRIPTOR_SIZE];
	u64 capacity;

	read_at(fd, 0, text, sizeof(text));
	if (memcmp(text, "KDMV", 4) && memcmp(text, "COWD", 4))
		return "the files of its extents";
	memcpy(&capacity, text + VMDK_CAPACITY, sizeof(capacity));
	if (!memcmp(text, "KDMV", 4) && !capacity)
		return "the files of its extents";
	read_at(fd, VMDK_DESCRIPTOR, text, sizeof(text));
	if (memmem(text, sizeof(text), "parentFileNameHint",
		   strlen("parentFileNameHint")))
		return "a parent";
	return NULL;
}

static const char *vhd_strays(int fd)
{
	char cookie[8];
	u32 type;
	off_t footer = 0;

	read_at(fd, 0, cookie, sizeof(cookie));
	if (memcmp(cookie, "conectix", sizeof(cookie)))
		footer = lseek(fd, 0, SEEK_END) - 512;
	read_at(fd, footer + VHD_TYPE, &type, sizeof(type));
	return be32toh(type) == VHD_DIFFERENCING ? "a parent" : NULL;
}

/**
 * format_strays() - what has an image read files of its own choice?
 * @fd: the image, open for reading
 * @format: of it, not VHDX
 *
 * Return: in words, what it names; NULL if the disk is in this file alone.
 */
const char *format_strays(int fd, enum image_format format)
{
	switch (format) {
	case FORMAT_QCOW2:
		return qcow2_strays(fd);
	case FORMAT_VMDK:
		return vmdk_strays(fd);
	case FORMAT_VPC:
		return vhd_strays(fd);
	default:
		return NULL;
	}
}
