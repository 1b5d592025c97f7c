// SPDX-License-Identifier: GPL-2.0-only
/*
 * Simulates crashes of the engine, many of them, and looks at each.
 *
 *   --seed N      of the runs (1)
 *   --states N    crash states to try (no end)
 *   --seconds N   to take (10; 0: no end)
 *   --run N       this run alone
 *   --keep A,B..  of it, these operations alone
 *   --sample N    this crash state alone
 *   --lost A,B..  in it these changes are lost, and no others
 *   --shrink N    seconds to take for making a failure small (60)
 *   --parents X   images with a parent: none, all, or some of them (some)
 *   --shapes X    images change their shape, by growth, shrinking, compaction:
 *                 none, all, or all and huge, so that the BAT has to move (none)
 *   --dump DIR    write images whose shape has changed to files there, each
 *                 with what it shows; see reread.py
 *   --counts      say how often what happened; it is a failure if something
 *                 that there is to happen never did
 *
 * Runs follow from the seed and their number alone. A failure ends it: what is
 * left of the run is printed, and how to see it again. Exits with 1 then.
 */
#include <getopt.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shrink.h"

/**
 * struct options - what is asked for
 * @list: numbers of @keep and, behind them, of @lost
 */
struct options {
	u64 seed;
	u64 states;
	u32 seconds;
	u32 run;
	const char *keep;
	u32 sample;
	const char *lost;
	u32 shrink;
	enum parents parents;
	enum shapes shapes;
	const char *dump;
	bool counts;
};

#define NAMES 3U

static const char *const shapes_names[NAMES] = {
	[SHAPES_NONE] = "none",
	[SHAPES_ALL] = "all",
	[SHAPES_HUGE] = "huge",
};

static const char *const parents_names[NAMES] = {
	[PARENTS_SOME] = "some",
	[PARENTS_NONE] = "none",
	[PARENTS_ALL] = "all",
};

#define ALL_RUNS U32_MAX

/**
 * struct shared - what the process that runs tells the one that waits
 * @number: of the run
 * @totals: of all runs
 * @outcome: of the last one
 */
struct shared {
	u32 number;
	struct totals totals;
	struct outcome outcome;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static bool is_over(const struct options *options, const struct shared *shared,
		    double start)
{
	if (options->states && shared->totals.states >= options->states)
		return true;
	return options->seconds && now() - start >= options->seconds;
}

/* In a process of its own, so that a failed assertion can be told of. */
static void run_all(const struct options *options, struct shared *shared)
{
	struct machine *machine = malloc(sizeof(*machine));
	double start = now();
	struct plan plan;

	if (!machine)
		abort();
	while (!is_over(options, shared, start)) {
		plan_make(&plan, options->seed, shared->number,
			  options->parents, options->shapes);
		plan.dump = options->dump;
		machine->outcome = NULL;
		alarm(RUN_SECONDS);
		if (!machine_run(machine, &plan, &shared->totals))
			break;
		plan_exit(&plan);
		shared->number++;
	}
	shared->outcome.failed = machine->failed;
	fflush(stdout);
	free(machine);
	exit(0);
}

/* Returns whether a run failed. */
static bool run_child(const struct options *options, struct shared *shared)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child)
		run_all(options, shared);
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	return status || shared->outcome.failed;
}

/* Puts the numbers of a list where they go; returns how many there are. */
static u32 parse_list(const char *text, u32 *numbers, u32 room)
{
	u32 count = 0;
	char *end;

	while (*text && count < room) {
		numbers[count++] = strtoul(text, &end, 0);
		text = *end == ',' ? end + 1 : end;
		if (*end && *end != ',')
			break;
	}
	return count;
}

static void keep_only(struct plan *plan, const char *list)
{
	u32 *kept = calloc(plan->count, sizeof(*kept));
	u32 count, i;

	if (!kept)
		abort();
	count = parse_list(list, kept, plan->count);
	for (i = 0; i < plan->count; i++)
		plan->op[i].left_out = true;
	for (i = 0; i < count; i++)
		if (kept[i] < plan->count)
			plan->op[kept[i]].left_out = false;
	free(kept);
}

static void print_command(const struct options *options,
			  const struct plan *plan)
{
	const char *comma = "";
	u32 i;

	printf("see it again with:\n  tests/sim/run again --seed %llu --parents %s",
	       options->seed, parents_names[options->parents]);
	printf(" --shapes %s", shapes_names[options->shapes]);
	printf(" --run %u --keep ", plan->number);
	for (i = 0; i < plan->count; i++) {
		if (plan->op[i].left_out)
			continue;
		printf("%s%u", comma, i);
		comma = ",";
	}
	if (plan->sample != ALL_SAMPLES)
		printf(" --sample %u", plan->sample);
	if (plan->lost_count != U32_MAX) {
		printf(" --lost ");
		/* No change has this number: nothing is lost. */
		if (!plan->lost_count)
			printf("%u", U32_MAX);
		for (i = 0; i < plan->lost_count; i++)
			printf("%s%u", i ? "," : "", plan->lost[i]);
	}
	printf("\n");
}

static void print_failure(const struct options *options, struct plan *plan,
			  struct outcome *outcome)
{
	printf("run %u fails: %s\n", plan->number, outcome->text);
	plan_print(plan);
	plan->show = true;
	attempt(plan, outcome);
	printf("it fails in operation %u: %s\n", outcome->op, outcome->text);
	print_command(options, plan);
}

/* One run, as it is or as the options leave it. */
static int run_one(const struct options *options, struct outcome *outcome)
{
	static u32 lost[CHANGES_MAX];
	struct plan plan;

	plan_make(&plan, options->seed, options->run, options->parents,
		  options->shapes);
	if (options->keep)
		keep_only(&plan, options->keep);
	plan.sample = options->sample;
	if (options->lost) {
		plan.lost = lost;
		plan.lost_count = parse_list(options->lost, lost, CHANGES_MAX);
	}
	if (!attempt(&plan, outcome)) {
		printf("run %u is as it must be\n", options->run);
		return 0;
	}
	if (!options->keep)
		shrink(&plan, outcome, options->shrink);
	print_failure(options, &plan, outcome);
	return 1;
}

/* What has not happened has not been tried. */
static bool count(const char *name, u64 number)
{
	printf("  %10llu  %s\n", number, name);
	return !number;
}

static bool count_children(const struct totals *t)
{
	bool never = false;

	never |= count("runs with a parent", t->children);
	never |= count("reads of the parent checked", t->read_parent);
	never |= count("writes whose bits were set", t->wrote);
	never |= count("writes into a child past the session", t->own);
	never |= count("sector bitmaps made", t->bitmaps);
	never |= count("blocks whose stale bits were cleared", t->stale);
	never |= count("discards that left the parent to be seen", t->shown);
	return never;
}

static bool count_shapes(const struct shape_totals *t, enum shapes shapes)
{
	bool never = false;

	if (shapes == SHAPES_HUGE) {
		never |= count("BATs that had to move", t->bat_moved);
		never |= count("that found no room", t->no_room);
		never |= count("regions that were lowered", t->regions);
	}
	never |= count("disks that grew", t->grown);
	never |= count("disks that did while a session went on", t->live);
	never |= count("disks that shrank", t->cut);
	never |= count("images compacted", t->compacted);
	never |= count("blocks that moved", t->moved);
	never |= count("entries whose space held nothing", t->emptied);
	never |= count("changes of shape that were stopped", t->stopped);
	never |= count("that a crash cut short", t->crashed);
	never |= count("of these, that left the old size", t->kept);
	return never;
}

static bool count_long(const struct totals *t)
{
	bool never = false;

	never |= count("blocks whose move began", t->moves);
	never |= count("blocks moved", t->moved);
	never |= count("requests turned away from a block that moved",
		       t->fenced);
	never |= count("discards that made a move void", t->overruled);
	never |= count("times the log came round", t->wraps);
	return never;
}

/* Returns whether all that there is to happen did. */
static bool print_counts(const struct totals *t, const struct options *options)
{
	bool never = options->parents != PARENTS_NONE && count_children(t);

	if (options->shapes)
		never |= count_shapes(&t->shape, options->shapes);
	never |= count("writes", t->ops[OP_WRITE]);
	never |= count("reads checked", t->read);
	never |= count("discards", t->ops[OP_DISCARD]);
	never |= count("zeroes", t->ops[OP_ZERO]);
	never |= count("parts of them, in place", t->kept);
	never |= count("flushes", t->ops[OP_FLUSH]);
	never |= count("requests turned away", t->busy);
	never |= count("requests without space", t->no_space);
	never |= count("things in the middle of the committer's", t->nested);
	never |= count("passes of the space worker", t->passes);
	never |= count("operations of its beside which others went on",
		       t->beside);
	never |= count("sessions begun", t->begun);
	never |= count("commits", t->commits);
	never |= count("checkpoints", t->checkpoints);
	never |= count("ends under a GUID that was chosen", t->sealed);
	never |= count("states that had it", t->complete);
	/* A session that ends often seldom gets that far. */
	if (!options->shapes)
		never |= count_long(t);
	never |= count("blocks allocated", t->allocated);
	never |= count("blocks freed", t->freed);
	never |= count("times space had another owner before", t->reused);
	never |= count("pages of the BAT evicted", t->evictions);
	never |= count("loads of a page that a commit overtook", t->overtaken);
	never |= count("crashes that a run went on after", t->ops[OP_CRASH]);
	never |= count("replays", t->recoveries);
	never |= count("replays that were done twice", t->forks);
	never |= count("sessions that a failing store ended", t->broken);
	if (never)
		printf("not all of it did happen\n");
	return !never;
}

static double core_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int run_many(struct options *options, struct shared *shared)
{
	double start = now();
	bool failed = run_child(options, shared);
	const struct totals *totals = &shared->totals;
	bool all = true;

	printf("seed %llu: %llu crash states in %llu runs, %.1f s; %.0f a minute of a core\n",
	       options->seed, totals->states, totals->runs, now() - start,
	       totals->states / core_seconds() * 60);
	if (options->counts)
		all = print_counts(totals, options);
	if (!failed)
		return !all;
	options->run = shared->number;
	if (!run_one(options, &shared->outcome))
		printf("run %u failed, but does not do so again\n",
		       options->run);
	return 1;
}

static const struct option long_options[] = {
	{ "seed", required_argument, NULL, 's' },
	{ "states", required_argument, NULL, 'n' },
	{ "seconds", required_argument, NULL, 't' },
	{ "run", required_argument, NULL, 'r' },
	{ "keep", required_argument, NULL, 'k' },
	{ "sample", required_argument, NULL, 'a' },
	{ "lost", required_argument, NULL, 'l' },
	{ "shrink", required_argument, NULL, 'x' },
	{ "parents", required_argument, NULL, 'p' },
	{ "shapes", required_argument, NULL, 'f' },
	{ "dump", required_argument, NULL, 'd' },
	{ "counts", no_argument, NULL, 'c' },
	{}
};

/* The number of the argument among the three that there may be. */
static u32 parse_name(const char *const *names, const char *option)
{
	u32 i = 0;

	while (i < NAMES && strcmp(names[i], optarg))
		i++;
	if (i == NAMES) {
		fprintf(stderr, "%s is %s, %s or %s\n", option, names[0],
			names[1], names[2]);
		exit(2);
	}
	return i;
}

static void set_option(struct options *options, int option)
{
	u64 number = optarg ? strtoull(optarg, NULL, 0) : 0;

	switch (option) {
	case 's':
		options->seed = number;
		break;
	case 'n':
		options->states = number;
		break;
	case 't':
		options->seconds = number;
		break;
	case 'r':
		options->run = number;
		break;
	case 'k':
		options->keep = optarg;
		break;
	case 'a':
		options->sample = number;
		break;
	case 'l':
		options->lost = optarg;
		break;
	case 'x':
		options->shrink = number;
		break;
	case 'p':
		options->parents = parse_name(parents_names, "--parents");
		break;
	case 'f':
		options->shapes = parse_name(shapes_names, "--shapes");
		break;
	case 'd':
		options->dump = optarg;
		break;
	case 'c':
		options->counts = true;
		break;
	default:
		fprintf(stderr, "see the head of sim.c for the options\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct shared *shared = shared_memory(sizeof(*shared));
	struct options options = {
		.seed = 1,
		.seconds = 10,
		.run = ALL_RUNS,
		.sample = ALL_SAMPLES,
		.shrink = 60,
	};
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		set_option(&options, option);
	if (options.run != ALL_RUNS)
		return run_one(&options, &shared->outcome);
	return run_many(&options, shared);
}
