// SPDX-License-Identifier: GPL-2.0-only
#include "disk-needs.h"
#include "disk-rest.h"
#include "message.h"
#include "resize-shrink.h"
#include "shorten.h"
#include "siblings.h"
#include "signals.h"
#include "size-arg.h"
#include "tree.h"

/**
 * struct shrinking - a disk that is to get smaller
 * @options: of the command line
 * @r: what is told of it
 * @disk: the image and its parents, open
 * @image: the image itself
 * @needs: what is known of the disk
 */
struct shrinking {
	const struct options *options;
	struct resized *r;
	struct disk *disk;
	struct vhdx_image *image;
	struct disk_needs needs;
};

/* Libblkid, libfdisk and the kernel take no GPT that reaches behind the end. */
static void explain_gpt(const struct shrinking *s, u64 to)
{
	u64 end = s->needs.gpt_end;

	if (!end)
		return;
	if (to > end + s->needs.gpt_backup)
		end = to - s->needs.gpt_backup;
	msg_info("%s: its GPT calls sectors usable that would lie behind the end: open the image, `sfdisk -d /dev/mapper/NAME >table', set last-lba in that file to %llu, `sfdisk /dev/mapper/NAME <table', close it, and shrink it then",
		 s->r->name,
		 (unsigned long long)(end / s->image->params.logical_sector -
				      1));
}

/* What is behind the end must be nobody's, as far as can be known. */
static int judge(const struct shrinking *s)
{
	const char *fault = vhdx_shorten_fault(s->image, s->r->to);
	const struct disk_needs *needs = &s->needs;
	char size[32], least[32];

	tree_size_words(s->r->to, size, sizeof(size));
	if (fault) {
		msg_err("%s: cannot shrink to %s: %s", s->r->name, size, fault);
		return -EINVAL;
	}
	if (s->r->to >= needs->bytes)
		return 0;
	msg_err("%s: cannot shrink to %s: the least is %llu bytes (%s), for %s; --to-minimum takes that",
		s->r->name, size, (unsigned long long)needs->bytes,
		tree_size_words(needs->bytes, least, sizeof(least)),
		needs->what);
	explain_gpt(s, s->r->to);
	return -EINVAL;
}

/* Whole MiB, as partitions are, if the disk has them. */
static u64 minimum(const struct shrinking *s, u64 bytes)
{
	return min_t(u64, ALIGN(bytes, VHDX_MIB), s->r->from);
}

static int parse(const struct shrinking *s, const char *text)
{
	s->r->to = minimum(s, s->needs.bytes);
	if (!text)
		return 0;
	if (*text == '+') {
		msg_err("%s: --shrink takes the size that the disk gets", text);
		return -EINVAL;
	}
	return size_arg(NULL, text, &s->r->to);
}

/* A file system that got smaller leaves such data, and so does a hash tree. */
static int refuse_rest(const struct shrinking *s, const struct disk_rest *rest)
{
	u64 bytes = rest->end - rest->from;
	char size[32], words[32];

	msg_err("%s: cannot shrink to %s: what would be cut off has data from byte %llu on, up to byte %llu (%s): nothing that is known needs it; --to-minimum keeps it, --force cuts it all the same",
		s->r->name, tree_size_words(s->r->to, size, sizeof(size)),
		(unsigned long long)rest->from, (unsigned long long)rest->end,
		tree_size_words(bytes, words, sizeof(words)));
	msg_info("%s: if it is left over from what was there before: open the image, and `blkdiscard -z -o %llu -l %llu /dev/mapper/NAME' gives it back",
		 s->r->name, (unsigned long long)rest->from,
		 (unsigned long long)bytes);
	return -EINVAL;
}

static void keep_rest(const struct shrinking *s, const struct disk_rest *rest)
{
	msg_info("%s: has data from byte %llu on, up to byte %llu, that nothing which is known needs: it is kept; --force cuts it",
		 s->r->name, (unsigned long long)rest->from,
		 (unsigned long long)rest->end);
	s->r->to = minimum(s, rest->end + s->needs.gpt_backup);
}

/* What libblkid does not know may be somebody's, if it is not zero. */
static int look_at_rest(const struct shrinking *s)
{
	bool to_minimum = s->options->to_minimum;
	struct disk_rest rest;
	int err;

	if (s->options->force)
		return 0;
	err = disk_rest_look(s->disk, &s->needs, s->r->to, &rest);
	if (err || !rest.end)
		return err;
	if (!to_minimum)
		return refuse_rest(s, &rest);
	keep_rest(s, &rest);
	return 0;
}

/* What is sent meanwhile comes when the disk has its new size. */
static int shorten(const struct shrinking *s)
{
	struct vhdx_report *report = &s->disk->layer[0]->report;
	struct vhdx_session *session = vhdx_session_new(s->image, report);
	int err;

	if (IS_ERR(session))
		return PTR_ERR(session);
	signals_hold();
	err = vhdx_shorten(session, s->r->to, report);
	signals_let();
	vhdx_session_free(session);
	return err;
}

static int shrink(struct shrinking *s, const char *size)
{
	struct resized *r = s->r;
	int err = disk_needs(s->disk, &s->needs);

	if (!err)
		err = parse(s, size);
	if (!err)
		err = judge(s);
	r->gpt = s->needs.gpt;
	if (!err && r->from == r->to && s->options->to_minimum)
		explain_gpt(s, 0);
	if (!err)
		err = look_at_rest(s);
	if (err || r->from == r->to)
		return err;
	err = siblings_guard(s->disk, r->name, s->options->force, "shrinks");
	return err ? err : shorten(s);
}

/**
 * resize_shrink() - make the disk of an image smaller
 * @disk: the image, open for writing, and its parents, from disk_follow()
 * @options: of the command line
 * @size: what is wanted, as the user writes it; NULL for the least
 * @r: what is known of the disk; the new size is set
 *
 * Return: 0, or a negative errno after a message.
 */
int resize_shrink(struct disk *disk, const struct options *options,
		  const char *size, struct resized *r)
{
	struct shrinking s = {
		.options = options,
		.r = r,
		.disk = disk,
		.image = disk->layer[0]->image,
	};

	return shrink(&s, size);
}
