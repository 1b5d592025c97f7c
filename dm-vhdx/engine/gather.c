// SPDX-License-Identifier: GPL-2.0-only
#include "gather.h"

/* The longest text: "sector bitmap blocks 0 to 67108863", and two offsets. */
#define NAMES_MAX	64
#define OFFSETS_MAX	48

static u64 index_of(const struct vhdx_gather *gather,
		    const struct vhdx_streak *streak, u64 number)
{
	return streak->payload ? vhdx_bat_payload_index(gather->bat, number) :
				 vhdx_bat_bitmap_index(gather->bat, number);
}

static bool is_run(const struct vhdx_streak *streak)
{
	return streak->count > 1;
}

static struct vhdx_place place_of(const struct vhdx_gather *gather,
				  const struct vhdx_streak *streak)
{
	struct vhdx_place at =
		vhdx_bat_place(gather->bat,
			       index_of(gather, streak, streak->first));

	if (is_run(streak)) {
		at.last = index_of(gather, streak,
				   streak->first + streak->count - 1);
		at.count = streak->count;
	}
	return at;
}

/* "payload block 5", or "payload blocks 5 to 12". */
static void print_names(const struct vhdx_streak *streak, char *buf)
{
	const char *kind = streak->payload ? "payload" : "sector bitmap";

	if (is_run(streak))
		snprintf(buf, NAMES_MAX, "%s blocks %llu to %llu", kind,
			 streak->first, streak->first + streak->count - 1);
	else
		snprintf(buf, NAMES_MAX, "%s block %llu", kind, streak->first);
}

static void print_offsets(const struct vhdx_streak *streak, char *buf)
{
	if (streak->low == streak->high)
		snprintf(buf, OFFSETS_MAX, "0x%llx", streak->low);
	else
		snprintf(buf, OFFSETS_MAX, "0x%llx to 0x%llx", streak->low,
			 streak->high);
}

static const char *fault_text(enum vhdx_fault fault)
{
	switch (fault) {
	case VHDX_FAULT_NONE:
	case VHDX_FAULT_STATE:
		break;
	case VHDX_FAULT_TAKEN:
		return "space belongs to the header section, the log or a region";
	case VHDX_FAULT_BEYOND:
		return "space lies past the end of the file";
	case VHDX_FAULT_CUT:
		return "space ends past the end of the file";
	}
	return "state is reserved";
}

static void tell_fault(const struct vhdx_gather *gather,
		       const struct vhdx_streak *streak)
{
	char names[NAMES_MAX], offsets[OFFSETS_MAX];

	print_names(streak, names);
	print_offsets(streak, offsets);
	vhdx_find(gather->report, VHDX_ERROR, place_of(gather, streak),
		  "%s, state %u (%s), at %s: %s %s", names, streak->state,
		  vhdx_state_name(streak->state), offsets,
		  is_run(streak) ? "their" : "its", fault_text(streak->fault));
}

/* Streaks of these kinds end at the end of a chunk. */
static void tell_bitmap(const struct vhdx_gather *gather,
			const struct vhdx_streak *streak)
{
	char names[NAMES_MAX];

	print_names(streak, names);
	vhdx_find(gather->report, VHDX_ERROR, place_of(gather, streak),
		  "%s %s partially present, but the sector bitmap of chunk %llu is absent",
		  names, is_run(streak) ? "are" : "is",
		  streak->first >> gather->bat->ratio_shift);
}

static void tell_reserved(const struct vhdx_gather *gather,
			  const struct vhdx_streak *streak)
{
	vhdx_find(gather->report, VHDX_READONLY, place_of(gather, streak),
		  "reserved bits are set: 0x%llx", streak->bits);
}

static void tell_partial(const struct vhdx_gather *gather,
			 const struct vhdx_streak *streak)
{
	bool run = is_run(streak);
	char names[NAMES_MAX];

	print_names(streak, names);
	vhdx_find(gather->report, VHDX_READONLY, place_of(gather, streak),
		  "%s %s partially present in an image without a parent; %s read as fully present",
		  names, run ? "are" : "is", run ? "they are" : "it is");
}

static void tell_short(const struct vhdx_gather *gather,
		       const struct vhdx_streak *streak)
{
	vhdx_find(gather->report, VHDX_READONLY, place_of(gather, streak),
		  "the last payload block ends at 0x%llx, past the end of the file at 0x%llx",
		  streak->high + vhdx_bat_block_size(gather->bat),
		  gather->limits->file_size);
}

static void tell_keeps(const struct vhdx_gather *gather,
		       const struct vhdx_streak *streak, bool taken)
{
	char names[NAMES_MAX], offsets[OFFSETS_MAX];
	bool run = is_run(streak);

	print_names(streak, names);
	print_offsets(streak, offsets);
	if (taken)
		vhdx_find(gather->report, VHDX_READONLY,
			  place_of(gather, streak),
			  "%s %s %s and %s space at %s, which belongs to the header section, the log or a region",
			  names, run ? "are" : "is",
			  vhdx_state_name(streak->state),
			  run ? "keep" : "keeps", offsets);
	else
		vhdx_find(gather->report, VHDX_READONLY,
			  place_of(gather, streak),
			  "%s %s %s and %s space at %s that ends past the end of the file at 0x%llx",
			  names, run ? "are" : "is",
			  vhdx_state_name(streak->state),
			  run ? "keep" : "keeps", offsets,
			  gather->limits->file_size);
}

static void tell_zero(const struct vhdx_gather *gather,
		      const struct vhdx_streak *streak)
{
	char names[NAMES_MAX], offsets[OFFSETS_MAX];
	bool run = is_run(streak);

	print_names(streak, names);
	print_offsets(streak, offsets);
	vhdx_find(gather->report, VHDX_WARN, place_of(gather, streak),
		  "%s %s zero and %s the offset%s %s; Hyper-V wants 0 there",
		  names, run ? "are" : "is", run ? "name" : "names",
		  streak->low == streak->high ? "" : "s", offsets);
}

static void tell_gathered(struct vhdx_gather *gather, enum vhdx_wrong wrong)
{
	struct vhdx_streak *streak = &gather->streak[wrong];

	switch (wrong) {
	case VHDX_WRONG_FAULT:
		tell_fault(gather, streak);
		break;
	case VHDX_WRONG_BITMAP:
		tell_bitmap(gather, streak);
		break;
	case VHDX_WRONG_RESERVED:
		tell_reserved(gather, streak);
		break;
	case VHDX_WRONG_PARTIAL:
		tell_partial(gather, streak);
		break;
	case VHDX_WRONG_SHORT:
		tell_short(gather, streak);
		break;
	case VHDX_WRONG_KEEPS_BEYOND:
		tell_keeps(gather, streak, false);
		break;
	case VHDX_WRONG_KEEPS_TAKEN:
		tell_keeps(gather, streak, true);
		break;
	case VHDX_WRONG_ZERO:
		tell_zero(gather, streak);
		break;
	case VHDX_WRONGS:
		break;
	}
	streak->count = 0;
}

/* Report the streaks that entry @index can no longer continue, lowest first. */
static void tell_ended(struct vhdx_gather *gather, u64 index)
{
	for (;;) {
		enum vhdx_wrong wrong, best = VHDX_WRONGS;
		u64 first = U64_MAX;

		for (wrong = 0; wrong < VHDX_WRONGS; wrong++) {
			const struct vhdx_streak *streak =
				&gather->streak[wrong];

			if (streak->count &&
			    index_of(gather, streak, streak->first) < first &&
			    index_of(gather, streak,
				     streak->first + streak->count) < index) {
				best = wrong;
				first = index_of(gather, streak, streak->first);
			}
		}
		if (best == VHDX_WRONGS)
			break;
		tell_gathered(gather, best);
	}
}

/* Return true if a block continues a streak. */
static bool goes_on(const struct vhdx_gather *gather, enum vhdx_wrong wrong,
		    const struct vhdx_streak *next)
{
	const struct vhdx_streak *streak = &gather->streak[wrong];

	if (!streak->count || streak->payload != next->payload ||
	    next->first != streak->first + streak->count)
		return false;
	if (wrong == VHDX_WRONG_RESERVED)
		return true;
	if (wrong == VHDX_WRONG_BITMAP &&
	    next->first >> gather->bat->ratio_shift !=
	    streak->first >> gather->bat->ratio_shift)
		return false;
	return streak->state == next->state && streak->fault == next->fault;
}

/**
 * vhdx_gather_init() - start to gather findings about BAT entries
 * @gather: the gathering; the caller ends it with vhdx_gather_end()
 * @bat: geometry of the BAT
 * @limits: limits that entries must respect
 * @report: receives the findings
 */
void vhdx_gather_init(struct vhdx_gather *gather, const struct vhdx_bat *bat,
		      const struct vhdx_bat_limits *limits,
		      struct vhdx_report *report)
{
	*gather = (struct vhdx_gather){
		.bat = bat,
		.limits = limits,
		.report = report,
	};
}

/**
 * vhdx_gather_add() - add a faulty entry
 * @gather: the gathering
 * @wrong: kind of the fault
 * @index: index of the entry, not below that of the last call
 * @entry: value of the entry
 * @fault: the fault if @wrong is VHDX_WRONG_FAULT; otherwise VHDX_FAULT_NONE
 *
 * Context: that of the report.
 */
void vhdx_gather_add(struct vhdx_gather *gather, enum vhdx_wrong wrong,
		     u64 index, u64 entry, enum vhdx_fault fault)
{
	struct vhdx_streak *streak = &gather->streak[wrong];
	struct vhdx_streak next = {
		.state = vhdx_entry_state(entry),
		.fault = fault,
		.count = 1,
		.low = vhdx_entry_offset(entry),
		.high = vhdx_entry_offset(entry),
		.bits = entry & VHDX_BAT_RESERVED_MASK,
	};

	next.payload = vhdx_bat_entry_at(gather->bat, index, &next.first);
	tell_ended(gather, index);
	if (goes_on(gather, wrong, &next)) {
		streak->count++;
		streak->low = min(streak->low, next.low);
		streak->high = max(streak->high, next.high);
		streak->bits |= next.bits;
		return;
	}
	if (streak->count)
		tell_gathered(gather, wrong);
	*streak = next;
}

/**
 * vhdx_gather_end() - report the streaks that are left
 * @gather: the gathering; empty afterwards
 *
 * Context: that of the report.
 */
void vhdx_gather_end(struct vhdx_gather *gather)
{
	tell_ended(gather, U64_MAX);
}
