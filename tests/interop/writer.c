// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to an image through the engine, and the same to a raw file, so that
 * others can be asked whether the two are equal.
 *
 * Usage: writer IMAGE RAW SEED OPERATIONS [crash]
 *   crash  leave the image as a crash after a flush would
 */
#include <fcntl.h>
#include <unistd.h>

#include "message.h"
#include "recover.h"
#include "session.h"
#include "store-user.h"

#define WRITE_MAX (64 * 1024)

/**
 * struct writer - an image, and its flat twin
 * @report: what the engine has to say
 * @file: the image's bytes
 * @image: understood
 * @session: its write side
 * @raw: the twin
 * @buf: what is written
 */
struct writer {
	struct vhdx_report report;
	struct user_store file;
	struct vhdx_image *image;
	struct vhdx_session *session;
	int raw;
	unsigned char buf[WRITE_MAX];
};

static void say(struct vhdx_report *report, const struct vhdx_finding *finding)
{
	char line[VHDX_SENTENCE_MAX];

	(void)report;
	vhdx_sentence(finding, line, sizeof(line));
	if (finding->severity >= VHDX_READONLY)
		fprintf(stderr, "%s\n", line);
}

static void die(const char *what, int err)
{
	fprintf(stderr, "writer: %s: error %d\n", what, err);
	exit(1);
}

static void must(const char *what, int err)
{
	if (err)
		die(what, err);
}

static void put(int fd, const void *buf, size_t len, u64 pos)
{
	if (pwrite(fd, buf, len, (off_t)pos) != (ssize_t)len)
		die("pwrite", errno);
}

/* Does what a lookup wants before it can go on; false if it has gone on. */
static bool again(struct writer *w, const struct vhdx_miss *miss, int r)
{
	if (r == -EAGAIN)
		must("load", vhdx_image_load(miss));
	else if (r == -EBUSY)
		must("work", vhdx_session_work(w->session, VHDX_WORK_BEGIN));
	else if (r == -EINPROGRESS)
		must("prepare", vhdx_session_prepare(w->session));
	else
		must("map", r);
	return r;
}

static void write_range(struct writer *w, u64 pos, u64 len)
{
	struct vhdx_miss miss;
	struct vhdx_run run;
	u64 done;

	put(w->raw, w->buf, len, pos);
	for (done = 0; done < len; done += run.length) {
		while (again(w, &miss,
			     vhdx_session_map(w->session, pos + done,
					      len - done, &run, &miss)))
			;
		put(w->file.fd, w->buf + done, run.length, run.offset);
	}
}

static void zero_range(struct writer *w, enum vhdx_zero why, u64 pos, u64 len)
{
	static const unsigned char zeros[WRITE_MAX];
	struct vhdx_miss miss;
	struct vhdx_run run;
	u64 done, i;

	for (done = 0; done < len; done += sizeof(zeros))
		put(w->raw, zeros, min(len - done, sizeof(zeros)), pos + done);
	for (done = 0; done < len; done += run.length) {
		while (again(w, &miss,
			     vhdx_session_zero(w->session, why, pos + done,
					       len - done, &run, &miss)))
			;
		for (i = 0; run.kind == VHDX_RUN_DATA && i < run.length;
		     i += sizeof(zeros))
			put(w->file.fd, zeros,
			    min(run.length - i, sizeof(zeros)), run.offset + i);
	}
}

static u64 pick(u64 below)
{
	return (u64)random() % below;
}

/* Whole blocks now and then, or anything in sectors. */
static void operate(struct writer *w)
{
	const struct vhdx_bat *bat = &w->image->bat;
	u64 sector = 1ULL << bat->sector_shift;
	u64 pos = pick(bat->size >> bat->sector_shift) << bat->sector_shift;
	u64 len = min((1 + pick(WRITE_MAX / sector)) * sector, bat->size - pos);
	u64 i;

	switch (pick(12)) {
	case 0:
	case 1:
		pos &= ~(vhdx_bat_block_size(bat) - 1);
		len = min(vhdx_bat_block_size(bat) * (1 + pick(2)),
			  bat->size - pos);
		/* A fixed image may keep what was discarded. */
		zero_range(w, pick(2) && !w->image->params.leave_allocated ?
				      VHDX_ZERO_DISCARD : VHDX_ZERO_WRITE,
			   pos, len);
		break;
	case 2:
		zero_range(w, VHDX_ZERO_WRITE, pos, len);
		break;
	default:
		for (i = 0; i < len; i += 8)
			memcpy(w->buf + i, &(u64){ pick(~0U) }, 8);
		write_range(w, pos, len);
	}
	if (pick(8))
		return;
	must("commit", vhdx_session_work(w->session, VHDX_WORK_COMMIT));
	if (vhdx_session_drain(w->session))
		while (vhdx_session_drained(w->session))
			;
}

static void start(struct writer *w, const char *image, const char *raw)
{
	w->report.emit = say;
	if (user_store_open(&w->file, image, USER_WRITE))
		exit(1);
	w->image = vhdx_image_open(&w->file.store, 16, &w->report);
	if (IS_ERR(w->image))
		die("open", (int)PTR_ERR(w->image));
	must("recover", vhdx_image_recover(w->image));
	w->session = vhdx_session_new(w->image, &w->report);
	if (IS_ERR(w->session))
		die("session", (int)PTR_ERR(w->session));
	w->raw = open(raw, O_RDWR | O_CREAT, 0600);
	if (w->raw < 0 || ftruncate(w->raw, (off_t)w->image->bat.size))
		die("raw", errno);
}

int main(int argc, char **argv)
{
	static struct writer w;
	long i;

	if (argc < 5)
		return 2;
	start(&w, argv[1], argv[2]);
	srandom((unsigned int)atol(argv[3]));
	for (i = 0; i < atol(argv[4]); i++)
		operate(&w);
	must("commit", vhdx_session_work(w.session, VHDX_WORK_COMMIT));
	printf("%llu entries, %llu pages in place\n", w.session->journal.entries,
	       w.session->journal.checkpointed);
	if (argc > 5)
		_exit(0);
	must("end", vhdx_session_end(w.session));
	vhdx_session_free(w.session);
	vhdx_image_close(w.image);
	user_store_close(&w.file);
	close(w.raw);
	return 0;
}
