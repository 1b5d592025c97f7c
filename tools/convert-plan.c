// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "convert.h"
#include "create-plan.h"
#include "exit-codes.h"
#include "findings.h"
#include "message.h"
#include "open-image.h"
#include "place.h"
#include "tree.h"
#include "verbs.h"

/* Where a GPT is, if the sectors of its disk have so many bytes. */
#define GPT_SIGNATURE	"EFI PART"

/* What Azure takes ends with a MiB. */
#define AZURE_UNIT	VHDX_MIB

static bool is_device(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISBLK(st.st_mode);
}

static int open_source(struct conversion *conversion)
{
	int place, err = place_find(conversion->source, &place);

	if (err)
		return err;
	conversion->fd = place_open(place, O_RDONLY);
	close(place);
	if (conversion->fd >= 0)
		return 0;
	msg_err("%s: %s", conversion->source, strerror(-conversion->fd));
	return conversion->fd;
}

static int choose_source_format(struct conversion *conversion)
{
	const char *given = conversion->options->source_format;

	if (given)
		return format_arg("source-format", given, &conversion->from);
	conversion->from = format_by_content(conversion->fd);
	return 0;
}

static int choose_format(struct conversion *conversion, const char *dest)
{
	const struct options *options = conversion->options;

	if (options->format)
		return format_arg("format", options->format, &conversion->to);
	if (options->azure)
		conversion->to = FORMAT_VPC;
	else if (!is_device(dest))
		conversion->to = format_by_name(dest);
	else
		conversion->to = conversion->from == FORMAT_VHDX ?
				 FORMAT_RAW : FORMAT_VHDX;
	if (conversion->to != FORMAT_UNKNOWN)
		return 0;
	msg_err("%s: its name tells no format; --format (-O) does: raw, vhdx, vpc, qcow2, vmdk or vdi",
		dest);
	return -EINVAL;
}

static int refuse(const char *option, const char *why)
{
	msg_err("--%s: %s", option, why);
	return -EINVAL;
}

/* Does what is asked for go together? */
static int check_options(const struct conversion *conversion)
{
	const struct options *options = conversion->options;
	static const enum option_id of_vhdx[] = {
		OPT_BLOCK_SIZE, OPT_SECTOR_SIZE, OPT_PHYSICAL_SECTOR_SIZE,
		OPT_PARENT,
	};
	enum image_format to = conversion->to;
	size_t i;

	if (conversion->from != FORMAT_VHDX && to != FORMAT_VHDX) {
		msg_err("from %s to %s: neither is VHDX; remedy: qemu-img convert",
			format_name(conversion->from), format_name(to));
		return -EINVAL;
	}
	for (i = 0; i < ARRAY_SIZE(of_vhdx); i++)
		if (options->given[of_vhdx[i]] && to != FORMAT_VHDX)
			return refuse(option_specs[of_vhdx[i]].name,
				      "goes with --format vhdx only");
	if (options->azure && to != FORMAT_VPC)
		return refuse("azure", "takes VHD: --format vpc");
	if (options->fixed && to != FORMAT_VHDX && to != FORMAT_VPC &&
	    to != FORMAT_VDI)
		return refuse("fixed", "goes with vhdx, vpc and vdi only");
	if (options->no_sparse && to != FORMAT_VHDX && to != FORMAT_RAW)
		return refuse("no-sparse", "goes with vhdx and raw only");
	if (is_device(conversion->place.name) && to != FORMAT_VHDX &&
	    to != FORMAT_RAW)
		return refuse("format",
			      "a block device takes vhdx and raw only");
	return 0;
}

/* An untrusted image must not choose other files of this host. */
static int check_strays(const struct conversion *conversion)
{
	const char *what;

	if (conversion->from == FORMAT_VHDX || conversion->from == FORMAT_RAW)
		return 0;
	what = format_strays(conversion->fd, conversion->from);
	if (!what)
		return 0;
	if (conversion->from == FORMAT_VPC) {
		msg_err("%s: is a child, a differencing VHD: QEMU would read it without its parent; merge it first",
			conversion->source);
		return -EOPNOTSUPP;
	}
	if (conversion->options->parents_anywhere)
		return 0;
	msg_err("%s: names %s, and could name any file of this host; if you trust it, --parents-anywhere reads what it names",
		conversion->source, what);
	return -EPERM;
}

/* 0 if nothing tells. */
static u32 gpt_sector(int fd)
{
	static const u32 sizes[] = { 512, 4096 };
	char signature[sizeof(GPT_SIGNATURE) - 1];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (pread(fd, signature, sizeof(signature), sizes[i]) ==
			    sizeof(signature) &&
		    !memcmp(signature, GPT_SIGNATURE, sizeof(signature)))
			return sizes[i];
	return 0;
}

static int learn_raw(struct conversion *conversion)
{
	off_t size = lseek(conversion->fd, 0, SEEK_END);
	int sector = 0;

	if (size < 0)
		return -errno;
	if (ioctl(conversion->fd, BLKSSZGET, &sector))
		sector = (int)gpt_sector(conversion->fd);
	conversion->size = (u64)size;
	conversion->sector = (u32)sector;
	return 0;
}

static int learn_vhdx(struct conversion *conversion)
{
	struct options alone = *conversion->options;
	char path[PLACE_PATH_SIZE];
	struct disk *disk;
	int err;

	alone.parent_count = 0;
	err = open_image(&alone, place_path(conversion->fd, path), OPEN_IDLE,
			 sink_messages(), &disk);
	if (err)
		return err;
	conversion->size = disk->layer[0]->image->params.size;
	conversion->sector = disk->layer[0]->image->params.logical_sector;
	conversion->physical_sector =
		disk->layer[0]->image->params.physical_sector;
	disk_close(disk);
	return 0;
}

static int refuse_sector(const struct conversion *conversion, u64 wanted)
{
	msg_err("%s: the disk has sectors of %u bytes, and its partition tables and file systems count in them: with sectors of %llu it could not be read",
		conversion->source, conversion->sector, wanted);
	return -EINVAL;
}

/* Sectors stay as they are. Where nothing tells, the user does, or it is 512. */
static int check_sector(struct conversion *conversion)
{
	u64 wanted = conversion->options->sector_size;
	int device = 0, fd;

	if (wanted && conversion->sector && wanted != conversion->sector)
		return refuse_sector(conversion, wanted);
	if (!conversion->sector)
		conversion->sector = wanted ? (u32)min_t(u64, wanted, U32_MAX) :
					      VHDX_CREATE_LOGICAL_SECTOR;
	if (conversion->to == FORMAT_RAW && is_device(conversion->place.name)) {
		fd = open(conversion->place.name, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && !ioctl(fd, BLKSSZGET, &device))
			wanted = (u64)device;
		if (fd >= 0)
			close(fd);
	} else if (conversion->to == FORMAT_VPC ||
		   conversion->to == FORMAT_VMDK ||
		   conversion->to == FORMAT_VDI) {
		wanted = VHDX_CREATE_LOGICAL_SECTOR;
	}
	if (wanted && wanted != conversion->sector)
		return refuse_sector(conversion, wanted);
	if (conversion->to == FORMAT_QCOW2 &&
	    conversion->sector != VHDX_CREATE_LOGICAL_SECTOR)
		msg_warn("%s: the disk has sectors of %u bytes, which qcow2 does not note: attach it with logical_block_size=%u",
			 conversion->place.name, conversion->sector,
			 conversion->sector);
	return 0;
}

/* Of a disk or partition, in sysfs; a partition is in the directory of its disk. */
static char *sysfs_path(dev_t dev)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dev),
		 minor(dev));
	return realpath(path, NULL);
}

static bool is_within(const char *inner, const char *outer)
{
	size_t len = strlen(outer);

	return !strncmp(inner, outer, len) && (!inner[len] || inner[len] == '/');
}

/* Are they one device, or a disk and a partition of it? */
static bool overlap(dev_t a, dev_t b)
{
	char *path_a, *path_b;
	bool r = a == b;

	if (r)
		return true;
	path_a = sysfs_path(a);
	path_b = sysfs_path(b);
	r = path_a && path_b &&
	    (is_within(path_a, path_b) || is_within(path_b, path_a));
	free(path_a);
	free(path_b);
	return r;
}

/**
 * convert_keep() - what is read is not overwritten
 * @conversion: with its destination
 * @dev: block device that is read
 *
 * Return: 0, or -EBUSY after a message if @dev is the destination, a partition
 * of it, or the disk that it is a partition of.
 */
int convert_keep(const struct conversion *conversion, dev_t dev)
{
	struct stat st;

	if (!conversion->place.device || stat(conversion->place.path, &st) ||
	    !S_ISBLK(st.st_mode) || !overlap(st.st_rdev, dev))
		return 0;
	msg_err("%s: is what is read, too", conversion->place.name);
	return -EBUSY;
}

/* Whatever format it has. */
static int keep_source(const struct conversion *conversion)
{
	struct stat st;

	if (fstat(conversion->fd, &st) || !S_ISBLK(st.st_mode))
		return 0;
	return convert_keep(conversion, st.st_rdev);
}

/**
 * convert_plan() - what is at the source, and what is wanted
 * @conversion: filled in; of another format than raw and VHDX, the size is not
 *	known yet, and 0
 * @options: of the command line
 * @args: the source and the destination
 *
 * Return: 0, or a negative errno after a message. convert_plan_end() must follow
 * in either case.
 */
int convert_plan(struct conversion *conversion, const struct options *options,
		 char **args)
{
	int err;

	*conversion = (struct conversion){
		.options = options,
		.source = args[0],
		.fd = -1,
		.place.name = args[1],
	};
	err = open_source(conversion);
	if (!err)
		err = choose_source_format(conversion);
	if (!err)
		err = choose_format(conversion, args[1]);
	if (!err)
		err = check_options(conversion);
	if (!err)
		err = check_strays(conversion);
	if (!err && conversion->from == FORMAT_RAW)
		err = learn_raw(conversion);
	if (!err && conversion->from == FORMAT_VHDX)
		err = learn_vhdx(conversion);
	if (!err)
		err = check_sector(conversion);
	if (!err)
		err = new_place_begin(&conversion->place, args[1],
				      options->force);
	return err ? err : keep_source(conversion);
}

/**
 * convert_plan_end() - close the source
 * @conversion: from convert_plan(); what has not got its name goes
 */
void convert_plan_end(struct conversion *conversion)
{
	if (conversion->fd >= 0)
		close(conversion->fd);
	new_place_drop(&conversion->place);
}

/**
 * convert_size() - bytes of the disk that is wanted
 * @conversion: with the size of the source
 *
 * Return: the size, rounded up to what the format takes.
 */
u64 convert_size(const struct conversion *conversion)
{
	return ALIGN(conversion->size, conversion->options->azure ?
		     AZURE_UNIT : (u64)conversion->sector);
}

/**
 * convert_new_vhdx() - make the image that is wanted, empty
 * @conversion: to VHDX
 *
 * Return: 0, or a negative errno after a message.
 */
int convert_new_vhdx(const struct conversion *conversion)
{
	struct options options = *conversion->options;
	struct create_plan plan;
	int err;

	options.size = convert_size(conversion);
	options.sector_size = conversion->sector;
	if (!options.physical_sector_size)
		options.physical_sector_size = conversion->physical_sector;
	err = create_plan(&plan, &options, conversion->place.name);
	plan.new.path = conversion->place.path;
	if (!err)
		err = new_image_make(&plan.new);
	create_plan_end(&plan);
	return err;
}
