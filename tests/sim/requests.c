// SPDX-License-Identifier: GPL-2.0-only
#include "machine.h"

/* Whoever is turned away more often will never get anywhere. */
#define TRIES 100

/* How often slow I/O is passed over. */
#define SLOW 32

/* What a lookup came to, if it did not find a place. */
#define AGAIN		0
#define NOT_NOW		(-1)
#define NO_SPACE	(-2)

static struct io *io_new(struct machine *m, enum op_kind kind, u64 pos,
			 const struct vhdx_run *run, u64 entered)
{
	struct io *io = m->io;

	while (io->stage != IO_FREE)
		io++;
	*io = (struct io){
		.stage = IO_MAPPED,
		.kind = kind,
		.slow = random_below(&m->random, 100) < m->plan->slow,
		.pos = pos,
		.len = run->length,
		.offset = run->offset,
		.layer = run->layer,
		.absent = run->absent,
		.id = ++m->ids,
		.entered = entered,
	};
	return io;
}

static u32 count_free(const struct machine *m)
{
	u32 i, count = 0;

	for (i = 0; i < IO_MAX; i++)
		count += m->io[i].stage == IO_FREE;
	return count;
}

static void send(struct machine *m, struct io *io)
{
	u32 sectors = io->len / SECTOR;

	if (io->kind == OP_WRITE)
		io->change = recorder_write(&m->rec, io->offset, sectors,
					    io->tag);
	else if (io->kind == OP_ZERO)
		io->change = recorder_zero(&m->rec, io->offset, sectors);
	if (m->rec.fault)
		machine_fail(m, "%s", m->rec.fault);
	io->stage = IO_SENT;
}

/* What is found in the run is what may be at @pos. */
static void check_read(struct machine *m, u64 pos, u64 len,
		       const struct vhdx_run *run, u64 began)
{
	const struct disk *disk = run->layer ? &m->made.parent.disk :
					       &m->rec.live;
	u32 mask = model_block_pages(&m->model) - 1;
	u64 first = pos / VHDX_PAGE;
	u64 end = pos + len;
	u64 block, i;

	for (i = first; i * VHDX_PAGE < end; i++) {
		u64 start = max(pos, i * VHDX_PAGE);
		struct page *page = NULL;
		int sector;

		if (run->kind == VHDX_RUN_DATA)
			page = disk_page(disk,
					 run->offset / VHDX_PAGE + i - first);
		block = i * VHDX_PAGE >> m->model.block_shift;
		sector = model_check_page(&m->model, block, i & mask, page,
					  page_mask(start, end), began);
		if (sector >= 0)
			machine_fail(m, "a read of block %llu found tag %x in sector %llu",
				     block, page_tag(page, sector),
				     (i & mask) * PAGE_SECTORS + sector);
	}
	m->totals->read++;
	m->totals->read_parent += run->layer;
}

static void end_read(struct machine *m, struct io *io)
{
	struct vhdx_run run = {
		.kind = VHDX_RUN_DATA,
		.layer = io->layer,
		.offset = io->offset,
	};

	check_read(m, io->pos, io->len, &run, io->began);
	io->stage = IO_FREE;
}

/* The user is told, or waits for a commit. */
static void end_write(struct machine *m, struct io *io)
{
	if (io->fua && !io->direct) {
		io->stage = IO_WAITS;
		io->began = ++m->model.clock;
		return;
	}
	model_end(&m->model, io->pos, io->len, io->id, io->direct);
	io->stage = IO_FREE;
}

static void arrive(struct machine *m, struct io *io)
{
	if (io->kind == OP_READ) {
		end_read(m, io);
		return;
	}
	recorder_complete(&m->rec, io->change, io->direct);
	if (io->absent)
		io->stage = IO_WRITTEN;
	else
		end_write(m, io);
}

static int settle(struct machine *m, int r, const struct vhdx_miss *miss);

/* While a page is loaded or the committer works, others go on with it, too. */
static void tell_wrote(struct machine *m, struct io *io)
{
	struct vhdx_miss miss;
	int r;

	r = vhdx_session_wrote(m->session, io->pos, io->len, &miss);
	if (r == -ENOSPC)
		machine_fail(m, "there is no space for bits");
	else if (r)
		settle(m, r, &miss);
	else
		end_write(m, io);
	m->totals->wrote += !r;
}

static void go_on(struct machine *m, struct io *io)
{
	if (io->stage == IO_MAPPED)
		send(m, io);
	else if (io->stage == IO_SENT)
		arrive(m, io);
	else if (io->stage == IO_WRITTEN)
		tell_wrote(m, io);
}

static bool is_under_way(const struct io *io)
{
	return io->stage == IO_MAPPED || io->stage == IO_SENT ||
	       io->stage == IO_WRITTEN;
}

/**
 * request_progress() - something that is under way goes on
 * @m: the run
 */
void request_progress(struct machine *m)
{
	u32 first = random_below(&m->random, IO_MAX);
	u32 i;

	for (i = 0; i < IO_MAX; i++) {
		struct io *io = &m->io[(first + i) % IO_MAX];

		if (!is_under_way(io))
			continue;
		if (io->slow && !random_once_in(&m->random, SLOW))
			continue;
		go_on(m, io);
		break;
	}
}

static void refuse(struct machine *m, const struct op *op, u64 done)
{
	struct op *rest;

	if (m->refused_count == WAITING_MAX)
		return;
	rest = &m->refused[m->refused_count++];
	*rest = *op;
	rest->pos += done;
	rest->len -= done;
}

/* A block is to be made ready: a pass that began before may not do that. */
static int let_prepare(struct machine *m)
{
	worker_finish(m);
	if (machine_lives(m)) {
		worker_step(m);
		worker_finish(m);
	}
	if (machine_lives(m) && m->session->space_error) {
		if (m->working)
			return NOT_NOW;
		machine_work(m, 0);
	}
	return machine_lives(m) ? AGAIN : NOT_NOW;
}

/* What a lookup came to: 1: it found a place. */
static int settle(struct machine *m, int r, const struct vhdx_miss *miss)
{
	switch (r) {
	case 0:
		return 1;
	case -EAGAIN:
		m->loading = true;
		r = vhdx_image_load(miss);
		m->loading = false;
		if (r && !m->rec.failed)
			machine_fail(m, "a page of the BAT cannot be loaded: error %d",
				     -r);
		/* A read that fails is no one else's matter. */
		if (r)
			m->rec.failed = false;
		return r || !machine_lives(m) ? NOT_NOW : AGAIN;
	case -EBUSY:
		m->totals->busy++;
		if (m->working)
			return NOT_NOW;
		machine_work(m, VHDX_WORK_BEGIN);
		return machine_lives(m) ? AGAIN : NOT_NOW;
	case -EINPROGRESS:
		m->totals->busy++;
		return let_prepare(m);
	case -EALREADY:
		m->totals->fenced++;
		return NOT_NOW;
	case -ENOSPC:
		m->totals->no_space++;
		return NO_SPACE;
	}
	if (!m->rec.failed)
		machine_fail(m, "a request failed: error %d (%s)", -r,
			     m->session->reason);
	return NOT_NOW;
}

/* Of the block at @pos; its entry is in memory, or it counts as zeros. */
static enum vhdx_block_state block_state(const struct machine *m, u64 pos)
{
	const struct vhdx_bat *bat = &m->image->bat;
	u64 entry;

	if (vhdx_image_bat_entry(m->image,
				 vhdx_bat_payload_index(bat, pos >>
						bat->block_shift),
				 &entry))
		return VHDX_BLOCK_ZERO;
	return vhdx_entry_state(entry);
}

/* To know that there are stale bits where a block gets space. */
static bool has_stale(const struct machine *m, u64 pos)
{
	const struct vhdx_bat *bat = &m->image->bat;
	u64 start = ALIGN_DOWN(pos, vhdx_bat_block_size(bat));
	const struct vhdx_page *page;

	if (!m->parent || block_state(m, pos) != VHDX_BLOCK_NOT_PRESENT)
		return false;
	page = vhdx_page_map_find(&m->image->bitmap_pages,
				  vhdx_bitmap_page(bat, start));
	return page && vhdx_bitmap_has(bat, page->data, start,
				       min(vhdx_bat_block_size(bat),
					   bat->size - start));
}

/* What is there already is overwritten without the session. */
static int map_write(struct machine *m, u64 pos, u64 len, struct vhdx_run *run,
		     struct vhdx_miss *miss)
{
	int r = vhdx_session_ready(m->session);

	if (!r && vhdx_session_straight(m->session) &&
	    random_once_in(&m->random, 2)) {
		r = vhdx_chain_map_own(m->chain, pos, len, run, miss);
		if (!r && run->kind == VHDX_RUN_DATA) {
			m->totals->own += !!m->parent;
			return 0;
		}
	}
	if (r)
		return r;
	return vhdx_session_map(m->session, pos, len, run, miss);
}

static int look_up(struct machine *m, const struct op *op, u64 pos, u64 len,
		   struct vhdx_run *run, struct vhdx_miss *miss)
{
	switch (op->kind) {
	case OP_WRITE:
		return map_write(m, pos, len, run, miss);
	case OP_READ:
		return vhdx_chain_map(m->chain, pos, len, run, miss);
	case OP_ZERO:
		return vhdx_session_zero(m->session,
					 op->keep ? VHDX_ZERO_KEEP :
						    VHDX_ZERO_WRITE,
					 pos, len, run, miss);
	default:
		return vhdx_session_zero(m->session, VHDX_ZERO_DISCARD, pos,
					 len, run, miss);
	}
}

static bool run_is_odd(const struct machine *m, const struct op *op,
		       const struct vhdx_run *run, u64 len)
{
	u32 sector = m->plan->geometry.sector;

	if (!run->length || run->length > len || run->length % sector)
		return true;
	if (run->kind == VHDX_RUN_ZERO)
		return op->kind == OP_WRITE;
	if (run->absent && (!m->parent || op->kind == OP_READ ||
			    op->kind == OP_DISCARD))
		return true;
	return run->kind != VHDX_RUN_DATA || run->offset % sector ||
	       run->layer > (m->parent && op->kind == OP_READ);
}

/* To know that space does change hands. */
static void note_owner(struct machine *m, u64 pos, const struct vhdx_run *run)
{
	u32 *owner = &m->owner[run->offset >> VHDX_ALIGN_SHIFT];
	u32 block = (pos >> m->model.block_shift) + 1;

	m->totals->reused += *owner && *owner != block;
	*owner = block;
}

static void start_write(struct machine *m, const struct op *op, u64 pos,
			struct vhdx_run *run, u64 entered)
{
	struct io *io = io_new(m, OP_WRITE, pos, run, entered);

	note_owner(m, pos, run);
	io->fua = op->fua;
	io->direct = op->fua && !run->absent && vhdx_session_clean(m->session);
	io->tag = m->tags;
	m->tags += run->length / SECTOR;
	model_begin(&m->model, pos, run->length, io->tag, io->id);
}

static void start_read(struct machine *m, u64 pos, struct vhdx_run *run,
		       u64 entered)
{
	u64 began = ++m->model.clock;

	if (run->kind == VHDX_RUN_ZERO)
		check_read(m, pos, run->length, run, began);
	else
		io_new(m, OP_READ, pos, run, entered)->began = began;
}

/*
 * A discard goes into part of a block: where that shows the parent, it goes on to
 * do so. The run ends where that changes.
 */
static bool discards_own(struct machine *m, u64 pos, struct vhdx_run *run)
{
	struct vhdx_miss miss;
	struct vhdx_run own;

	if (vhdx_chain_map_own(m->chain, pos, run->length, &own, &miss))
		return false;
	run->length = own.length;
	return own.kind == VHDX_RUN_DATA;
}

/* Blocks have given up their space. */
static void show_zeros(struct machine *m, const struct op *op, u64 pos, u64 len)
{
	if (op->kind == OP_DISCARD) {
		model_discard(&m->model, pos, len, ++m->ids);
		return;
	}
	model_begin(&m->model, pos, len, 0, ++m->ids);
	model_end(&m->model, pos, len, m->ids, false);
}

/* Of what was discarded, the blocks that were not absent hold zeros. */
static void zero_known(struct machine *m, const struct op *op, u64 pos,
		       const struct vhdx_run *run)
{
	u64 size = 1ULL << m->model.block_shift;
	u64 end = pos + run->length;
	u64 len;

	for (; pos < end; pos += len) {
		len = min(end, (pos | (size - 1)) + 1) - pos;
		if (op->kind == OP_DISCARD && block_state(m, pos) ==
						      VHDX_BLOCK_NOT_PRESENT) {
			m->totals->shown++;
			continue;
		}
		show_zeros(m, op, pos, len);
	}
}

static void start_zero(struct machine *m, const struct op *op, u64 pos,
		       struct vhdx_run *run, u64 entered)
{
	struct io *io;

	/* What is always allocated keeps its data, too. */
	if (op->kind == OP_DISCARD && m->plan->geometry.leave)
		return;
	if (run->kind == VHDX_RUN_ZERO && m->parent) {
		zero_known(m, op, pos, run);
		return;
	}
	if (run->kind == VHDX_RUN_ZERO) {
		show_zeros(m, op, pos, run->length);
		return;
	}
	if (m->parent && op->kind == OP_DISCARD && !discards_own(m, pos, run))
		return;
	m->totals->kept += op->keep;
	/* A discard of less than a block need not do anything. */
	if (op->kind == OP_DISCARD && random_once_in(&m->random, 2))
		return;
	io = io_new(m, OP_ZERO, pos, run, entered);
	model_begin(&m->model, pos, run->length, 0, io->id);
}

/* Returns bytes done, or AGAIN, NOT_NOW or NO_SPACE. */
static long long start_piece(struct machine *m, const struct op *op, u64 pos,
			     u64 len)
{
	u64 entered = ++m->entered;
	struct vhdx_miss miss;
	bool stale = has_stale(m, pos);
	struct vhdx_run run = {};
	int r = settle(m, look_up(m, op, pos, len, &run, &miss), &miss);

	if (r != 1)
		return r;
	m->totals->stale += stale && block_state(m, pos) ==
					     VHDX_BLOCK_PARTIALLY_PRESENT;
	if (run_is_odd(m, op, &run, len)) {
		machine_fail(m,
			     "a lookup of %llu bytes at %llu gave kind %d, layer %u, offset 0x%llx, %llu bytes",
			     len, pos, run.kind, run.layer, run.offset,
			     run.length);
		return NOT_NOW;
	}
	if (op->kind == OP_WRITE)
		start_write(m, op, pos, &run, entered);
	else if (op->kind == OP_READ)
		start_read(m, pos, &run, entered);
	else
		start_zero(m, op, pos, &run, entered);
	return run.length;
}

/* Someone must arrive before there is room for one more. */
static bool make_room(struct machine *m)
{
	u32 tries;

	for (tries = 0; count_free(m) < 2 && tries < 4 * IO_MAX; tries++)
		request_progress(m);
	if (count_free(m) < 2 && !m->working)
		machine_work(m, VHDX_WORK_COMMIT);
	return count_free(m) >= 2;
}

/* Everything that is under way arrives. */
static void arrive_all(struct machine *m)
{
	u32 i, tries;

	for (i = 0; i < IO_MAX; i++)
		for (tries = 0; is_under_way(&m->io[i]) && machine_lives(m);
		     tries++) {
			if (tries > TRIES)
				machine_fail(m, "a write does not end");
			go_on(m, &m->io[i]);
		}
}

/* Returns whether a request that found no space should try again. */
static bool wait_for_space(struct machine *m, u32 *waited)
{
	if (m->working || m->refused_count)
		return false;
	if ((*waited)++ == 2) {
		full_check(m);
		return false;
	}
	arrive_all(m);
	m->closing = true;
	machine_work(m, VHDX_WORK_COMMIT);
	if (machine_lives(m))
		worker_rest(m);
	m->closing = false;
	return machine_lives(m);
}

/**
 * request_start() - a user asks for something
 * @m: the run
 * @op: what
 */
void request_start(struct machine *m, const struct op *op)
{
	u64 end = op->pos + op->len;
	u64 pos = op->pos;
	u32 waited = 0;
	int tries = 0;
	long long done;

	while (pos < end && machine_lives(m)) {
		if (!make_room(m)) {
			refuse(m, op, pos - op->pos);
			return;
		}
		done = start_piece(m, op, pos, end - pos);
		if (done == NO_SPACE && wait_for_space(m, &waited))
			continue;
		if (done < 0) {
			if (m->working || m->session->move.fenced)
				refuse(m, op, pos - op->pos);
			return;
		}
		pos += done;
		tries = done ? 0 : tries + 1;
		if (tries > TRIES)
			machine_fail(m, "a request is turned away for ever");
		if (done && random_once_in(&m->random, 3))
			request_progress(m);
	}
}

/**
 * request_retry() - those who were turned away ask again
 * @m: the run; the committer is not at work
 */
void request_retry(struct machine *m)
{
	struct op again[WAITING_MAX];
	u32 count = m->refused_count;
	u32 i;

	memcpy(again, m->refused, count * sizeof(*again));
	m->refused_count = 0;
	for (i = 0; i < count && machine_lives(m); i++)
		request_start(m, &again[i]);
}

static bool anyone_waits(const struct machine *m)
{
	u32 i;

	for (i = 0; i < IO_MAX; i++)
		if (m->io[i].stage == IO_WAITS)
			return true;
	return m->flush_count;
}

/**
 * request_finish() - nothing is under way any more
 * @m: the run
 *
 * What nobody has flushed may be uncommitted still.
 */
void request_finish(struct machine *m)
{
	arrive_all(m);
	if (machine_lives(m))
		mover_finish(m);
	while (m->refused_count && machine_lives(m))
		request_retry(m);
	arrive_all(m);
	if (machine_lives(m))
		machine_work(m, anyone_waits(m) ? VHDX_WORK_COMMIT : 0);
}

/* When the oldest read that is under way began. */
u64 request_oldest(const struct machine *m)
{
	u64 oldest = NEVER;
	u32 i;

	for (i = 0; i < IO_MAX; i++)
		if (m->io[i].stage != IO_FREE && m->io[i].kind == OP_READ)
			oldest = min(oldest, m->io[i].began);
	return oldest;
}

/**
 * request_committed() - who waited for a commit waits no longer
 * @m: the run
 * @began: when the commit did
 */
void request_committed(struct machine *m, u64 began)
{
	u32 i, kept = 0;

	for (i = 0; i < m->flush_count; i++) {
		if (m->flush[i] < began)
			model_committed(&m->model, m->flush[i]);
		else
			m->flush[kept++] = m->flush[i];
	}
	m->flush_count = kept;
	for (i = 0; i < IO_MAX; i++) {
		struct io *io = &m->io[i];

		if (io->stage != IO_WAITS || io->began >= began)
			continue;
		model_end(&m->model, io->pos, io->len, io->id, true);
		io->stage = IO_FREE;
	}
	model_prune(&m->model, request_oldest(m));
}

/**
 * request_flush() - a user flushes
 * @m: the run
 */
void request_flush(struct machine *m)
{
	u64 began = ++m->model.clock;

	if (vhdx_session_clean(m->session)) {
		recorder_flush(&m->rec);
		if (machine_lives(m))
			model_flushed(&m->model, began);
		return;
	}
	if (m->flush_count < WAITING_MAX)
		m->flush[m->flush_count++] = began;
	if (!m->working && random_once_in(&m->random, 2))
		machine_work(m, VHDX_WORK_COMMIT);
}

/**
 * request_forget() - there are no users any more
 * @m: the run
 */
void request_forget(struct machine *m)
{
	memset(m->io, 0, sizeof(m->io));
	m->refused_count = 0;
	m->flush_count = 0;
}
